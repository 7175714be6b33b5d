//! What the macros refuse, and what they say to write instead.

#[test]
fn what_is_refused_is_named_with_what_to_write_instead() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
