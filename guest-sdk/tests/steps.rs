//! Steps as an author writes them and as a host runs them, in the native build.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use segno::native::{Backoff, CancellationToken, StepInfo, StepPolicy, Steps};
use segno::{Request, Response, StepContext, StepError, Timestamp};
use serde::{Deserialize, Serialize};

/// What the steps find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    id: u32,
}

/// A module as authors have it.
#[segno::steps]
mod crm {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use segno::step;

    use super::*;

    type Found<T> = Result<Vec<T>, StepError>;

    /// Finds contacts.
    #[step(max_retries = 5, timeout = "30s", backoff(initial = "2s", factor = 3, jitter = 0))]
    pub async fn find(
        mut ids: Vec<u32>,
        r#type: Option<String>,
    ) -> Result<Vec<Contact>, StepError> {
        let begun = Instant::now();
        ids.sort_unstable();
        let names: BTreeMap<u32, String> = BTreeMap::new();
        let _ = (begun, names, r#type);
        all(ids)
    }

    fn all(ids: Vec<u32>) -> Found<Contact> {
        Ok(ids.into_iter().map(|id| Contact { id }).collect())
    }

    #[step(name = "key-of")]
    pub(crate) async fn key() -> anyhow::Result<(String, String, u32)> {
        let step = StepContext::current();
        Ok((step.step_id().to_owned(), step.step_name().to_owned(), step.attempt()))
    }

    #[step]
    pub async fn fails(fatally: bool) -> Result<(), StepError> {
        if fatally {
            return Err(StepError::fatal("there is none"));
        }
        Err(std::io::Error::other("disk full"))?
    }

    #[step]
    pub async fn ratio(a: f64, b: f64) -> Result<Vec<f64>, StepError> {
        Ok(vec![1.0, a / b])
    }

    /// Calls another step like the function that it is.
    #[step]
    pub async fn outer() -> Result<String, StepError> {
        Ok(key().await?.0)
    }

    #[step]
    pub async fn answers(request: Request) -> Result<(), StepError> {
        request.respond(Response::text(request.text()?.to_uppercase()));
        Ok(())
    }

    /// Names its parameters as the code around it names its own.
    #[step]
    pub async fn shadows(
        arguments: u32,
        input: u32,
        policy: u32,
        call: u32,
    ) -> Result<[u32; 4], StepError> {
        Ok([arguments, input, policy, call])
    }

    #[step]
    pub async fn waits() -> Result<bool, StepError> {
        let step = StepContext::current();
        step.cancelled().await;
        Ok(step.is_cancelled())
    }
}

segno::register!(
    crm::find,
    crm::key,
    crm::ratio,
    crm::fails,
    crm::outer,
    crm::answers,
    crm::shadows,
    crm::waits,
);

/// Waits an hour, and says how long it took.
#[segno::workflow(name = "the-flow")]
async fn flow(ids: Vec<u32>) -> Result<(usize, i64), segno::Error> {
    let begun = segno::now();
    segno::sleep("1 hour").await;
    let contacts = crm::find(ids, None).await?;
    let seconds = segno::now().duration_since(begun).as_secs();
    Ok((contacts.len(), seconds))
}

#[segno::workflow]
pub(crate) async fn flow_without() -> anyhow::Result<()> {
    Ok(())
}

segno::export!(flow, flow_without);

/// What was answered to the callers of requests, by their numbers.
type Answers = Arc<Mutex<Vec<(u64, Response)>>>;

/// The context of attempt 2 of operation 7, and what is answered through it.
fn context() -> (StepContext, CancellationToken, Answers) {
    let info = StepInfo {
        run_id: "run_1".into(),
        workflow: "the-flow".into(),
        operation: 7,
        attempt: 2,
        started_at: Timestamp::UNIX_EPOCH,
        deadline: Timestamp::UNIX_EPOCH,
        ..StepInfo::detached("s")
    };
    let token = CancellationToken::new();
    let answers = Answers::default();
    let kept = Arc::clone(&answers);
    let respond = move |number, response| {
        let mut kept = kept.lock().expect("nobody panics with it");
        kept.push((number, response));
    };
    let context = StepContext::new(info, token.clone(), Arc::new(respond));
    (context, token, answers)
}

/// Runs a step as a host would.
async fn run(name: &str, input: &str) -> Result<String, StepError> {
    let steps = steps();
    let step = steps.get(name).expect("it is registered");
    context().0.scope(step.run(input.to_owned())).await
}

#[tokio::test]
async fn outside_a_host_a_step_is_its_body_run_once() {
    let found = crm::find(vec![2, 1], None).await;
    assert_eq!(found, Ok(vec![Contact { id: 1 }, Contact { id: 2 }]));
    let (key, name, attempt) = crm::key().await.unwrap();
    assert!(key.starts_with("run_detached:"), "{key}");
    assert_eq!((&*name, attempt), ("key-of", 1));
    assert_ne!(crm::key().await.unwrap().0, key, "each call has a key of its own");
    for (fatally, message) in [
        (true, "step `fails` failed: there is none"),
        (false, "step `fails` failed after 1 attempt: disk full"),
    ] {
        let failure = crm::fails(fatally).await.unwrap_err();
        assert_eq!(failure.to_string(), message);
    }
}

#[tokio::test(start_paused = true)]
async fn outside_a_host_a_workflow_sleeps_on_the_clock_of_tokio() {
    let (contacts, seconds) = flow(vec![1]).await.unwrap();
    assert_eq!(contacts, 1);
    assert!((3_600..3_700).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_workflow_may_run_on_any_thread_natively() {
    let ids = vec![4];
    let task = tokio::spawn(async move { crm::find(ids, None).await });
    assert_eq!(task.await.unwrap(), Ok(vec![Contact { id: 4 }]));
    let sleeping = tokio::spawn(flow(Vec::new()));
    sleeping.abort();
}

#[test]
fn the_list_of_steps_has_names_and_policies() {
    let steps = steps();
    let names: Vec<_> = steps.names().collect();
    assert_eq!(names, ["find", "key-of", "ratio", "fails", "outer", "answers", "shadows", "waits"]);
    assert_eq!(steps.check(), Ok(()));
    let policy = &steps.get("find").unwrap().policy;
    let backoff = Backoff {
        initial: Duration::from_secs(2),
        factor: 3.0,
        max: Duration::from_mins(1),
        jitter: 0.0,
    };
    let expected = StepPolicy {
        max_retries: 5,
        timeout: Duration::from_secs(30),
        backoff,
        ..StepPolicy::default()
    };
    assert_eq!(*policy, expected);
    assert_eq!(steps.get("fails").unwrap().policy, StepPolicy::default());
    assert!(steps.get("key").is_none());
}

#[test]
fn two_steps_of_one_name_are_refused_by_name() {
    let mut both = Steps::new();
    both.extend(steps());
    both.extend(steps());
    let error = both.check().unwrap_err();
    assert_eq!(error.name, "answers");
    assert!(error.to_string().starts_with("two steps have the name `answers`"));
}

#[tokio::test]
async fn a_host_gives_input_and_gets_output_as_json() {
    for (name, input, output) in [
        ("find", r#"{"ids":[3],"type":"lead"}"#, r#"[{"id":3}]"#),
        ("find", r#"{"ids":[]}"#, "[]"),
        ("key-of", "{}", r#"["run_1:7","s",2]"#),
        ("outer", "{}", r#""run_1:7""#),
        ("shadows", r#"{"arguments":1,"input":2,"policy":3,"call":4}"#, "[1,2,3,4]"),
    ] {
        assert_eq!(run(name, input).await.unwrap(), output, "{name} {input}");
    }
}

#[tokio::test]
async fn an_input_that_does_not_fit_is_fatal_and_names_the_parameter() {
    for (input, message) in [
        (
            r#"{"ids":"all"}"#,
            "the argument does not fit the parameter `ids`: invalid type: string \"all\", \
             expected a sequence at line 1 column 5",
        ),
        ("{}", "the argument `ids` is missing"),
        (
            "[1]",
            "the input of a step is a JSON object with one member for each parameter: \
             invalid type: sequence, expected a map at line 1 column 0",
        ),
    ] {
        let error = run("find", input).await.unwrap_err();
        assert!(error.is_fatal());
        assert_eq!(error.message(), message);
    }
}

#[tokio::test]
async fn an_output_that_json_does_not_carry_is_fatal_on_the_side_of_the_step() {
    assert_eq!(run("ratio", r#"{"a":1,"b":2}"#).await.unwrap(), "[1.0,0.5]");
    for input in [r#"{"a":0,"b":0}"#, r#"{"a":1,"b":0}"#] {
        let error = run("ratio", input).await.unwrap_err();
        assert!(error.is_fatal());
        assert_eq!(
            error.message(),
            "the output cannot be read back from JSON, which has no NaN and no infinity: invalid type: null, \
             expected f64 at line 1 column 9"
        );
    }
}

#[tokio::test]
async fn a_step_answers_the_caller_of_a_request_through_its_host() {
    let (context, _, answers) = context();
    let steps = steps();
    let request =
        r#"{"request":{"number":9,"method":"POST","url":"/","headers":[],"body":{"text":"hi"}}}"#;
    let step = steps.get("answers").unwrap();
    context.scope(step.run(request.to_owned())).await.unwrap();
    assert_eq!(*answers.lock().unwrap(), [(9, Response::text("HI"))]);
}

#[tokio::test]
async fn a_step_hears_that_it_is_cancelled() {
    let (context, token, _) = context();
    let steps = steps();
    let body = steps.get("waits").unwrap().run("{}".to_owned());
    let waiting = tokio::spawn(context.scope(body));
    token.cancel();
    assert_eq!(waiting.await.unwrap().unwrap(), "true");
}

#[tokio::test]
async fn a_spawned_task_must_be_given_the_context() {
    let (context, ..) = context();
    let inside = context.scope(tokio::spawn(async { StepContext::try_current().is_some() }));
    assert!(!inside.await.unwrap());
    assert!(StepContext::try_current().is_none());
}

#[tokio::test]
async fn the_built_in_step_takes_a_request_and_gives_a_response() {
    let step = segno::http::step(StepPolicy::default(), |request| async move {
        Ok(segno::http::Response {
            status: 200,
            headers: Vec::new(),
            body: request.body.unwrap_or_default(),
        })
    });
    let input = r#"{"request":{"method":"POST","url":"http://h","body":{"base64":"/w=="}}}"#;
    let output = step.run(input.to_owned()).await.unwrap();
    assert_eq!(output, r#"{"status":200,"headers":[],"body":{"base64":"/w=="}}"#);
    let failure = segno::http::get("http://h").send().await.unwrap_err();
    assert!(failure.message.contains("there is no host here"));
}
