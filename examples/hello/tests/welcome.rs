//! Workflows and their steps as plain functions: steps run in place, and sleeping takes no time.

#[tokio::test(start_paused = true)]
async fn who_is_welcomed_gets_two_letters() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::env::set_current_dir(directory.path()).expect("it is there");

    let said = hello::welcome("Ada".to_owned()).await.expect("it succeeds");

    assert_eq!(said, "Ada has two letters");
    let letters = std::fs::read_dir("outbox").expect("letters were sent");
    assert_eq!(letters.count(), 2);
}
