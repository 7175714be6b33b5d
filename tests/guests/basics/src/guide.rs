//! Hooks and webhooks as a guide to them would show: a workflow for each thing that it says.

use std::future::ready;

use futures::future::{Either, join, join_all, select};
use segno::{Error, Hook, Request, Response, Webhook, http, signals, workflow};
use serde_json::{Value, json};

use crate::steps;

/// Opens a hook with a drawn token, of which it says something; returns what it is sent.
#[workflow]
pub async fn described(order: u64) -> Result<Option<Value>, Error> {
    let hook = Hook::<Value>::builder().metadata(json!({ "order": order })).create();
    Ok(hook.next().await)
}

/// Waits at a hook that it disposes of when it is told to; returns what came of the waiting.
#[workflow]
pub async fn waits_and_disposes(token: String) -> Result<Option<Value>, Error> {
    let hook = Hook::<Value>::open(token).await?;
    let dispose = async {
        signals::<()>("dispose").next().await.respond(());
        hook.dispose();
    };
    Ok(join(hook.next(), dispose).await.0)
}

/// Fails as soon as its hook is called.
#[workflow]
pub async fn fails_when_called(token: String) -> Result<(), Error> {
    Hook::<Value>::open(token).await?.next().await;
    Err(Error::new("it was called"))
}

/// Asks for a token and wants to hear no more of it, and then waits to be told to end.
#[workflow]
pub async fn asks_in_passing(token: String) -> Result<(), Error> {
    drop(select(Box::pin(Hook::<Value>::open(token)), ready(())).await);
    signals::<()>("end").next().await.respond(());
    Ok(())
}

/// The same with the token of a hook of its own; returns what that one is sent.
#[workflow]
pub async fn asks_for_its_own_in_passing(token: String) -> Result<Option<Value>, Error> {
    let hook = Hook::<Value>::open(token.clone()).await?;
    drop(select(Box::pin(Hook::<Value>::open(token)), ready(())).await);
    Ok(hook.next().await)
}

/// Asks for a token and gives that up when it is told to, if it has not heard before.
#[workflow]
pub async fn asks_until_told(token: String) -> Result<bool, Error> {
    let told = signals::<()>("give up");
    Ok(matches!(select(told.next(), Box::pin(Hook::<Value>::open(token))).await, Either::Left(_)))
}

/// Opens a hook and ends in the same turn; returns the token.
#[workflow]
pub async fn opens_and_ends() -> Result<String, Error> {
    Ok(Hook::<Value>::create().token().to_owned())
}

/// Calls its own webhook in the turn in which it opens it; returns the status of that, and what came.
#[workflow]
pub async fn calls_itself() -> Result<(u16, String), Error> {
    let webhook = Webhook::new();
    let called = http::post(webhook.url()).body("it is me").send().await?;
    let request = webhook.next().await.ok_or_else(|| Error::new("nothing came"))?;
    Ok((called.status, request.text()?.to_owned()))
}

/// Returns all that it knows of so many requests.
#[workflow]
pub async fn reads(n: usize) -> Result<Vec<Request>, Error> {
    let webhook = Webhook::new();
    let mut read = Vec::new();
    while read.len() < n {
        read.extend(webhook.next().await);
    }
    Ok(read)
}

/// Callers get a 201 of which nothing is usual; takes no request before it is told to.
#[workflow]
pub async fn created(n: usize) -> Result<Vec<String>, Error> {
    let answer = Response::new(201).header("x-kind", "fixed").header("x-kind", "twice");
    let webhook = Webhook::builder().respond_with(answer.body("made")).create();
    signals::<()>("take").next().await.respond(());
    let mut methods = Vec::new();
    while methods.len() < n {
        methods.extend(webhook.next().await.map(|request| request.method));
    }
    Ok(methods)
}

/// Answers the same request three times, twice from here and once from a step.
#[workflow]
pub async fn answers_often() -> Result<(), Error> {
    let webhook = Webhook::builder().manual().create();
    if let Some(request) = webhook.next().await {
        request.respond(Response::text("first"));
        request.respond(Response::text("second"));
        steps::respond(request).await?;
    }
    Ok(())
}

/// Disposes of its webhook when it has taken a request, and answers that when it is told to.
#[workflow]
pub async fn answers_after_closing() -> Result<(), Error> {
    let webhook = Webhook::builder().manual().create();
    let request = webhook.next().await.ok_or_else(|| Error::new("nothing came"))?;
    webhook.dispose();
    signals::<()>("answer").next().await.respond(());
    request.respond(Response::text("late, and not too late"));
    Ok(())
}

/// Answers no request before so many have come; then the last first, each with what it brought.
#[workflow]
pub async fn answers_in_reverse(n: usize) -> Result<(), Error> {
    let webhook = Webhook::builder().manual().create();
    let mut requests = Vec::new();
    while requests.len() < n {
        requests.extend(webhook.next().await);
    }
    for request in requests.into_iter().rev() {
        request.respond(Response::new(200).body(request.bytes().to_vec()));
    }
    Ok(())
}

/// Opens so many webhooks; returns what came to each, once something has.
#[workflow]
pub async fn many_doors(n: usize) -> Result<Vec<String>, Error> {
    let webhooks: Vec<_> = (0..n).map(|_| Webhook::new()).collect();
    let came = join_all(webhooks.iter().map(Webhook::next)).await;
    came.into_iter().flatten().map(|request| Ok(request.text()?.to_owned())).collect()
}

/// Leaves its loop over a webhook, and looks at it again when it is told to.
#[workflow]
pub async fn leaves_a_loop() -> Result<Vec<String>, Error> {
    let webhook = Webhook::new();
    let mut came = Vec::new();
    while let Some(request) = webhook.next().await {
        came.push(request.text()?.to_owned());
        if came.len() == 1 {
            break;
        }
    }
    signals::<()>("again").next().await.respond(());
    webhook.dispose();
    while let Some(request) = webhook.next().await {
        came.push(request.text()?.to_owned());
    }
    Ok(came)
}
