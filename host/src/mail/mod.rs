//! Mail: so far, what it says. A plugin writes it; the operator's files in `templates/` reach that plugin through the
//! capability `assets`.
//!
//! It must not know why a mail is sent.

mod assets;
mod templates;

pub use assets::AssetsCapability;
pub use templates::{TemplateError, Templates};
