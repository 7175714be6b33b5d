//! The management API, as those who order and those who approve use it: over HTTP.

use std::time::Duration;

use anyhow::Context as _;
use demo_kit::http::client;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use segno_api::{
    Deployed, HistoryEntry, HistoryPage, JobMade, JobView, Problem, RunPage, RunSummary, RunView,
    Started,
};
use segno_host::cli::Server;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::approval::Decision;
use crate::desk::WhereIsIt;
use crate::model::{Address, Order};

/// How long a change of an address waits for its answer, before it is asked for again.
const WAIT: &str = "5s";

/// The workflow has answered with a refusal.
const REFUSED: &str = "urn:segno:problem:signal-refused";

/// What became of a change of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The order goes there.
    Accepted,
    /// The order goes where it went before; the workflow says why.
    Refused(String),
    /// The order is over, and nobody answers any more.
    Over,
    /// Nobody has answered yet.
    Unheard,
}

/// A host, as its clients see it.
#[derive(Debug)]
pub struct Api {
    base: String,
    token: String,
}

impl Api {
    /// That of this host, with its own token.
    ///
    /// # Errors
    /// If the token cannot be read.
    pub fn of(server: &Server) -> anyhow::Result<Self> {
        let file = server.token_file().context("the host has no file with a token")?;
        let token = std::fs::read_to_string(file)?.trim().to_owned();
        Ok(Self { base: format!("http://{}/v1", server.management_addr()), token })
    }

    /// Starts the run of an order, or finds the one that was started before; gives its ID.
    ///
    /// # Errors
    /// If the host does not answer, or refuses; so are all others here.
    pub async fn start(&self, order: &Order) -> anyhow::Result<String> {
        self.start_within(order, None).await
    }

    /// The same, of an order that may take so long, if that is bounded.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn start_within(
        &self,
        order: &Order,
        timeout: Option<Duration>,
    ) -> anyhow::Result<String> {
        let timeout = timeout.map(|timeout| format!("{}ms", timeout.as_millis()));
        let attributes = json!({ "order": order.number, "city": order.address.city });
        let body = json!({ "input": order, "attributes": attributes, "timeout": timeout });
        let request = self.post("/workflows/order/runs", &body);
        let request = request.header("Idempotency-Key", format!("order-{}", order.number));
        Ok(read::<Started>(request).await?.run_id.to_string())
    }

    /// Starts the run that writes an order off, or finds the one that was started before; gives its ID.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn write_off(&self, order: &Order) -> anyhow::Result<String> {
        let request = self.post("/workflows/write_off/runs", &json!({ "input": order }));
        let request = request.header("Idempotency-Key", format!("write-off-{}", order.number));
        Ok(read::<Started>(request).await?.run_id.to_string())
    }

    /// How a run stands.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn run(&self, run: &str) -> anyhow::Result<RunView> {
        read(self.get(&format!("/runs/{run}"))).await
    }

    /// Some of the lines of all orders that stand so, as `running`; newest first.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn lines(&self, status: &str) -> anyhow::Result<Vec<RunSummary>> {
        let page: RunPage = read(self.get(&format!("/runs?workflow=line&status={status}"))).await?;
        Ok(page.runs)
    }

    /// Cancels a run: true if it is cancelled, or will be when it has cleaned up; false if it ended before.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn cancel(&self, run: &str) -> anyhow::Result<bool> {
        let request = self.post(&format!("/runs/{run}/cancel"), &json!({}));
        may_be_too_late(request, StatusCode::CONFLICT).await
    }

    /// Ends a run at once: true if it is ended by that, whatever it has left; false if it ended before.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn kill(&self, run: &str) -> anyhow::Result<bool> {
        let request = self.post(&format!("/runs/{run}/cancel"), &json!({ "kill": true }));
        may_be_too_late(request, StatusCode::CONFLICT).await
    }

    /// Tries a run again that has failed, from where it failed.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn retry(&self, run: &str) -> anyhow::Result<()> {
        read::<RunView>(self.post(&format!("/runs/{run}/retry"), &json!({}))).await.map(drop)
    }

    /// Holds a run up, if it can be.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn pause(&self, run: &str) -> anyhow::Result<()> {
        let request = self.post(&format!("/runs/{run}/pause"), &json!({}));
        may_be_too_late(request, StatusCode::CONFLICT).await.map(drop)
    }

    /// Lets a run go on that is held up.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn resume(&self, run: &str) -> anyhow::Result<()> {
        let request = self.post(&format!("/runs/{run}/resume"), &json!({}));
        may_be_too_late(request, StatusCode::CONFLICT).await.map(drop)
    }

    /// Deploys a module; gives its digest.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn deploy(&self, component: Vec<u8>) -> anyhow::Result<String> {
        let request = self.request(Method::PUT, "/modules").body(component);
        Ok(read::<Deployed>(request).await?.digest)
    }

    /// Moves all orders that go on to another module, by a job of the host.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn move_orders(&self, module: &str) -> anyhow::Result<JobView> {
        let body = json!({ "action": "move", "module": module });
        let JobMade { job, .. } = read(self.post("/jobs?workflow=order", &body)).await?;
        job.context("the host has made no job")
    }

    /// How a job stands.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn job(&self, job: &JobView) -> anyhow::Result<JobView> {
        read(self.get(&format!("/jobs/{}", job.job_id))).await
    }

    /// The orders that have this number of the carrier: one, if it has given it.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn tracked(&self, tracking: &str) -> anyhow::Result<Vec<RunSummary>> {
        let page: RunPage = read(self.get(&format!("/runs?attr.tracking={tracking}"))).await?;
        Ok(page.runs)
    }

    /// Where the order is; none if it cannot be asked just now.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn where_is_it(&self, run: &str) -> anyhow::Result<Option<WhereIsIt>> {
        let response = self.get(&format!("/runs/{run}/queries/where_is_it")).send().await?;
        Ok(if response.status().is_success() { Some(response.json().await?) } else { None })
    }

    /// What the order has told line by line of how far it is.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn progress(&self, run: &str) -> anyhow::Result<String> {
        let response = self.get(&format!("/runs/{run}/streams/progress")).send().await?;
        // An order that had nothing to tell has no such stream.
        Ok(if response.status().is_success() { response.text().await? } else { String::new() })
    }

    /// Decides of an order; nothing happens where nobody asks, yet or any more.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn decide(&self, order: u64, decision: &Decision) -> anyhow::Result<()> {
        let request = self.post(&format!("/hooks/approval-{order}"), decision);
        may_be_too_late(request, StatusCode::NOT_FOUND).await.map(drop)
    }

    /// Lets the days pass for which a run sleeps, if it does.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn wake(&self, run: &str) -> anyhow::Result<()> {
        let request = self.post(&format!("/runs/{run}/wake"), &json!({}));
        may_be_too_late(request, StatusCode::CONFLICT).await.map(drop)
    }

    /// Changes the address of an order, once for each key.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn change(&self, run: &str, key: &str, address: &Address) -> anyhow::Result<Answer> {
        let path = format!("/runs/{run}/signals/change_address?wait={WAIT}");
        let request = self.post(&path, address).header("Idempotency-Key", key);
        let response = request.send().await?;
        match response.status() {
            StatusCode::OK => Ok(Answer::Accepted),
            StatusCode::ACCEPTED => Ok(Answer::Unheard),
            StatusCode::CONFLICT => {
                let Problem { kind, detail, .. } = response.json().await?;
                Ok(if kind == REFUSED { Answer::Refused(detail.into()) } else { Answer::Over })
            }
            _ => Err(refusal(response).await),
        }
    }

    /// All that happened to a run.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn history(&self, run: &str) -> anyhow::Result<Vec<HistoryEntry>> {
        let mut entries = Vec::new();
        let mut cursor = Some("0".to_owned());
        while let Some(from) = cursor {
            let path = format!("/runs/{run}/events?limit=1000&cursor={from}");
            let page: HistoryPage = read(self.get(&path)).await?;
            entries.extend(page.events);
            cursor = page.next.map(|next| next.to_string());
        }
        Ok(entries)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    fn post(&self, path: &str, body: &impl Serialize) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        client().request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }
}

async fn read<T: DeserializeOwned>(request: RequestBuilder) -> anyhow::Result<T> {
    let response = request.send().await?;
    if response.status().is_success() {
        Ok(response.json().await?)
    } else {
        Err(refusal(response).await)
    }
}

/// Sends what this status says no to where it comes too early or too late, which does no harm: false then.
async fn may_be_too_late(request: RequestBuilder, no: StatusCode) -> anyhow::Result<bool> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_success() || status == no {
        Ok(status != no)
    } else {
        Err(refusal(response).await)
    }
}

async fn refusal(response: Response) -> anyhow::Error {
    let (status, url) = (response.status(), response.url().clone());
    let detail = response.text().await.unwrap_or_default();
    anyhow::anyhow!("the host answered {status} to {url}: {detail}")
}
