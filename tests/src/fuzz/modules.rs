//! Components: what a deploy does with them, and what their first turns do.

use anyhow::Context;
use segno_host::sandbox::{
    Capacity, Facts, Module, Moment, Quota, Sandbox, Tokens, WebhookAddress,
};
use segno_journal::{Event, Op, RunId, Timestamp, Verdict};

use crate::basics;
use crate::fuzz::reader::Reader;
use crate::garbage::component;

/// What a guest may use here: little, so that many have their turn.
const QUOTA: Quota = Quota {
    fuel_per_turn: 20_000_000,
    seconds: 60,
    memory: 16 << 20,
    commands_per_turn: 1_000,
    bytes_per_turn: 1 << 20,
    payload: 1 << 20,
};

/// A verdict of the small component: it waits, and there is nothing to wait for.
const WAITING: &str = r"\00\00\00\00\00\00\00\00\00\00\00\00";

/// A sandbox without a cache.
pub(super) struct Modules {
    sandbox: Sandbox,
}

impl Modules {
    pub(super) fn new() -> anyhow::Result<Self> {
        let sandbox = Sandbox::new(None, Capacity::default())
            .map_err(|error| anyhow::anyhow!("{error:#}"))?;
        Ok(Self { sandbox })
    }

    fn try_out(&self, wasm: &[u8]) {
        let Ok(module) = self.sandbox.load(wasm) else { return };
        let Ok(manifest) = module.describe() else { return };
        for workflow in manifest.workflows.into_iter().take(2) {
            run(&module, workflow.name);
        }
    }
}

impl Reader for Modules {
    fn seeds(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        // The small one compiles in a moment, so it comes more often.
        let small = component("(i32.const 0)", WAITING);
        self.sandbox.load(&small).context("the small component is good")?;
        let mut seeds = vec![small; 15];
        seeds.push(basics().to_vec());
        Ok(seeds)
    }

    fn read(&mut self, inputs: &[Vec<u8>]) -> anyhow::Result<()> {
        inputs.iter().for_each(|input| self.try_out(input));
        Ok(())
    }
}

/// Gives a guest a first turn and a few more. It may be blocked at any of them.
fn run(module: &Module, workflow: String) {
    let facts = Facts {
        run: RunId::from_parts(Timestamp(1), 1),
        workflow,
        started_at: Timestamp(1),
        seed: [1; 32],
        parent: None,
    };
    let Ok(mut guest) = module.instantiate(facts, QUOTA) else { return };
    let events = [
        Event::Started { input: "3".into() },
        Event::StepCompleted { op: Op(0), output: "1".into() },
        Event::Slept { op: Op(1) },
    ];
    for (seq, event) in (0..).zip(events) {
        let address = || WebhookAddress { token: "t".into(), url: "http://h/t".into() };
        let turn =
            guest.turn(&event, Moment { seq, at: Timestamp(2) }, Tokens::Fresh(Box::new(address)));
        if !turn.is_ok_and(|output| output.verdict == Verdict::Waiting) {
            return;
        }
    }
    // What was saved may be anything.
    if let Ok(Some(image)) = guest.save() {
        let _refused = guest.load(image);
    }
}
