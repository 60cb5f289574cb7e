//! The chat on the business's own pages, as an account: nothing is delivered, since visitors' browsers fetch their threads.

use async_trait::async_trait;

use crate::domain::casework;
use crate::domain::widget::WidgetSettings;
use crate::seams::channel::{Channel, Delivery, DeliveryError, Receipt, Setup};

/// One widget.
pub struct WidgetChannel {
    settings: WidgetSettings,
    script: String,
}

impl WidgetChannel {
    /// What is wrong with its settings, in words.
    pub fn make(setup: Setup) -> Result<WidgetChannel, String> {
        let settings: WidgetSettings =
            serde_json::from_value(setup.settings).map_err(|error| format!("the settings do not fit: {error}"))?;
        settings.check()?;
        if setup.secrets.keys().any(|name| name != crate::domain::widget::IDENTITY_SECRET) {
            return Err("the one secret of a widget is called identity".into());
        }
        if settings.known_visitors_only && setup.secrets.is_empty() {
            return Err("known_visitors_only needs the secret identity, by which the site vouches for visitors".into());
        }
        let base = setup.hook_url.as_deref().and_then(|url| url.split_once("/hooks/")).map(|(base, _)| base.to_owned());
        let base = base.unwrap_or_else(|| "https://YOUR-SWITCHBOARD".into());
        let script = format!("<script src=\"{base}/widget.js\" data-widget=\"{}\" async></script>", setup.account);
        Ok(WidgetChannel { settings, script })
    }
}

#[async_trait]
impl Channel for WidgetChannel {
    async fn deliver(&self, _: &Delivery) -> Result<Receipt, DeliveryError> {
        Ok(Receipt { external_id: None, more: false, how_far: casework::Delivery::Sent })
    }

    async fn test(&self) -> Result<String, String> {
        let sites = self.settings.origins.join(", ");
        Ok(format!("It can be shown on {sites}. Put this on each page: {}", self.script))
    }
}
