//! Sending again what has ended.

use super::acceptance::Webhooks;
use crate::store::{DeliveryFilter, DeliveryState, PAGE_LIMIT, StoreError};

impl Webhooks {
    /// Sends the deliveries of a message that have ended once more. Returns how many those are; `None`: there is no such
    /// message.
    ///
    /// # Errors
    /// Any [`StoreError`]; those before are sent again.
    pub async fn resend_message(&self, id: &str) -> Result<Option<u64>, StoreError> {
        if self.store.message_summary(id).await?.is_none() {
            return Ok(None);
        }
        let mut filter = DeliveryFilter { message_id: Some(id.to_owned()), ..DeliveryFilter::default() };
        let mut resent = 0;
        loop {
            let page = self.store.deliveries(&filter).await?;
            let is_last = page.len() < PAGE_LIMIT as usize;
            filter.after = page.last().map(|delivery| delivery.id.clone());
            for delivery in page {
                let ended = matches!(delivery.state, DeliveryState::Delivered | DeliveryState::DeadLetter);
                resent += u64::from(ended && self.resend(&delivery.id).await?);
            }
            if is_last {
                return Ok(Some(resent));
            }
        }
    }
}
