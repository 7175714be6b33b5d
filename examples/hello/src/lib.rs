//! A first workflow: a welcome now, a question later.

use segno::{Error, log, sleep, workflow};

/// Welcomes somebody, and asks a little later how it goes.
#[workflow]
pub async fn welcome(name: String) -> Result<String, Error> {
    steps::send(name.clone(), "Welcome!".to_owned()).await?;
    log::info!("{name} was welcomed");

    sleep("30 seconds").await;

    steps::send(name.clone(), "How is it going?".to_owned()).await?;
    Ok(format!("{name} has two letters"))
}

#[segno::steps]
mod steps {
    use segno::{StepContext, StepError};
    use tokio::fs;

    /// Puts a letter into the folder `outbox`. The step ID is the same at each attempt, so a letter
    /// that is sent again replaces itself.
    #[segno::step(max_retries = 5, timeout = "10s")]
    pub async fn send(to: String, text: String) -> Result<(), StepError> {
        let id = StepContext::current().step_id().replace(':', "-");
        fs::create_dir_all("outbox").await?;
        fs::write(format!("outbox/{id}.txt"), format!("To {to}: {text}\n")).await?;
        Ok(())
    }
}

segno::export!(welcome);
segno::register!(steps::send);
