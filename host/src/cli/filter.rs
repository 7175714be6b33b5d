//! Which runs are meant, as the parameters of a query.

use segno_api::RunStatus;

use crate::cli::args::FilterArgs;
use crate::cli::exit::UsageError;

/// The parameters of a filter.
pub(super) fn parameters(args: &FilterArgs) -> Result<Vec<(String, String)>, UsageError> {
    let statuses = args.status.iter().map(|status| RunStatus::from(*status).word());
    let statuses = statuses.collect::<Vec<_>>().join(",");
    let parameters = [
        ("workflow", args.workflow.clone()),
        ("status", Some(statuses).filter(|statuses| !statuses.is_empty())),
        ("started_after", args.started_after.map(|at| at.to_string())),
        ("started_before", args.started_before.map(|at| at.to_string())),
    ];
    let parameters = parameters.into_iter().filter_map(|(name, value)| Some((name.into(), value?)));
    let mut parameters: Vec<(String, String)> = parameters.collect();
    for attribute in &args.attributes {
        let no_value = || UsageError(format!("--attr {attribute}: write NAME=VALUE"));
        let (name, value) = attribute.split_once('=').ok_or_else(no_value)?;
        parameters.push((format!("attr.{name}"), value.to_owned()));
    }
    Ok(parameters)
}

/// The same, as a request takes them.
pub(super) fn borrowed(parameters: &[(String, String)]) -> Vec<(&str, &str)> {
    parameters.iter().map(|(name, value)| (&**name, &**value)).collect()
}
