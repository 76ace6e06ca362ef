//! Gathers what belongs together for one thing that somebody looks at.

use super::view::{AttemptView, DeliveryView, LetterDetail, MessageDetail};
use crate::store::{DeadLetter, DeliveryFilter, Message, Store, StoreError};

/// Deliveries that are shown with a message: the first page of a fan-out to many.
const DELIVERIES_SHOWN: u32 = 100;

/// A message with its deliveries and their attempts.
///
/// # Errors
/// Any [`StoreError`].
pub async fn message(store: &Store, message: Message) -> Result<MessageDetail, StoreError> {
    let filter = DeliveryFilter {
        message_id: Some(message.id.clone()),
        limit: Some(DELIVERIES_SHOWN),
        ..DeliveryFilter::default()
    };
    let mut deliveries = Vec::new();
    for delivery in store.deliveries(&filter).await? {
        let attempts = store.attempts(&delivery.id).await?;
        deliveries.push(DeliveryView::new(delivery, attempts));
    }
    Ok(MessageDetail::new(message, deliveries))
}

/// A dead letter with the timeline of its delivery.
///
/// # Errors
/// Any [`StoreError`].
pub async fn dead_letter(store: &Store, letter: DeadLetter) -> Result<LetterDetail, StoreError> {
    let attempts = store.attempts(&letter.delivery_id).await?;
    let timeline = attempts.into_iter().map(AttemptView::from).collect();
    Ok(LetterDetail { letter: letter.into(), timeline })
}
