use jiff::Timestamp;

use super::Run;
use crate::attributes::{self, AttributeError};

#[test]
fn attributes_are_set_and_removed_in_order_and_what_cannot_be_one_is_said() {
    let at = Timestamp::from_second(7).expect("it is a moment");
    let run = Run::start(move || async move {
        attributes::set("customer", "42")?;
        attributes::set("amount", 12.5)?;
        attributes::set("count", 3_u64)?;
        attributes::set("vip", true)?;
        attributes::set("due", at)?;
        attributes::remove("vip")?;
        let bad = |name: &str| AttributeError::BadName(name.to_owned());
        assert_eq!(attributes::set("Customer", 1), Err(bad("Customer")));
        assert_eq!(attributes::remove(""), Err(bad("")));
        let long = "x".repeat(1_025);
        assert_eq!(attributes::set("a", &long), Err(AttributeError::TooLong(1_025)));
        let large = (1_u64 << 53) + 1;
        assert_eq!(attributes::set("a", large), Err(AttributeError::TooLarge(large.into())));
        assert_eq!(
            attributes::set("a", f64::INFINITY),
            Err(AttributeError::NotANumber(f64::INFINITY))
        );
        let early = Timestamp::from_second(-1).expect("it is a moment");
        assert_eq!(attributes::set("a", early), Err(AttributeError::TooEarly(early)));
        Ok(())
    });
    run.said(&[
        r#"set customer to Text("42")"#,
        "set amount to Number(12.5)",
        "set count to Number(3.0)",
        "set vip to Boolean(true)",
        "set due to Time(7000)",
        "remove vip",
        "completed null",
    ]);
}
