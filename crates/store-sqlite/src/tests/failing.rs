//! A batch that fails, and a store that has no room left.

use fal_queue::store::CancelAnswer;

use super::*;

/// A request that does not fit into the limit of these tests.
fn huge(number: u128) -> Op {
    let content = Content { headers: Vec::new(), body: vec![1; 1024 * 1024] };
    Op::Submit { ticket: ticket(number), content, max_ahead: None }
}

fn limited(folder: &Path, pages: u32) -> Store {
    let options = Options { max_pages: Some(pages), ..options(folder) };
    Store::open(&options).expect("the store opens")
}

#[test]
fn a_batch_with_one_failing_operation_rolls_back_whole() {
    let folder = folder();
    let mut store = limited(folder.path(), 200);
    store.commit(NOW, vec![submit(ticket(1)), submit(low(2))]).expect("a commit");
    let before = counted(&store);
    let cancel = Op::Cancel { app: app(), request: RequestId::from_bits(2) };
    let batch = vec![submit(ticket(3)), claim(1, 1), cancel.clone(), huge(4), submit(low(5))];
    let error = store.commit(NOW, batch).expect_err("it does not fit");
    assert!(matches!(error, Error::Full(_)), "{error:?}");
    assert_eq!(counted(&store), before);
    check_counts(&store, folder.path());
    let mut reader = store.reader().expect("a reader");
    assert_eq!(ids(&reader.recent(None, 9).expect("it reads")), [2, 1]);
    assert_eq!(reader.ticket(&app(), RequestId::from_bits(1)), Ok(Some(ticket(1))));
    assert_eq!(commit(&mut store, cancel), Done::Cancelled(CancelAnswer::Cancelled));
    assert_eq!(ids(&claimed(&mut store, 9, 1)), [1]);
}

/// Fills the store with requests of 4 KB and returns how many it took.
fn fill(store: &mut Store) -> u128 {
    for number in 0.. {
        let content = Content { headers: Vec::new(), body: vec![7; 4_000] };
        let op = Op::Submit { ticket: ticket(number), content, max_ahead: None };
        match store.commit(NOW, vec![op]) {
            Ok(done) => assert_eq!(done.len(), 1),
            Err(Error::Full(_)) => return number,
            Err(error) => panic!("{error:?}"),
        }
    }
    0
}

#[test]
fn a_full_store_loses_nothing_and_goes_on_with_a_higher_limit() {
    let folder = folder();
    let mut store = limited(folder.path(), 100);
    let taken = fill(&mut store);
    assert!(taken > 20, "{taken}");
    check_counts(&store, folder.path());
    let mut reader = store.reader().expect("a reader");
    assert_eq!(reader.backlog(&app()).expect("it reads").waiting, u64::try_from(taken).unwrap());
    drop((reader, store));
    let mut store = limited(folder.path(), 400);
    let ahead = u64::try_from(taken).unwrap();
    assert_eq!(commit(&mut store, submit(ticket(1_000))), Done::Submitted { ahead });
    let expected: Vec<_> = (0..taken).chain([1_000]).collect();
    assert_eq!(ids(&claimed(&mut store, 1_000, 1)), expected);
}

#[test]
fn a_full_store_goes_on_once_requests_have_been_removed() {
    let folder = folder();
    let mut store = limited(folder.path(), 100);
    let taken = fill(&mut store);
    for number in 0..10 {
        let cancel = Op::Cancel { app: app(), request: RequestId::from_bits(number) };
        assert_eq!(commit(&mut store, cancel), Done::Cancelled(CancelAnswer::Cancelled));
    }
    let ahead = u64::try_from(taken).unwrap() - 10;
    assert_eq!(commit(&mut store, submit(ticket(1_000))), Done::Submitted { ahead });
    check_counts(&store, folder.path());
}

#[test]
fn a_full_store_still_takes_the_small_results_of_what_runs() {
    let folder = folder();
    let mut store = limited(folder.path(), 100);
    commit(&mut store, submit(ticket(1_000)));
    let running = claimed(&mut store, 1, 1);
    fill(&mut store);
    let settle = settle(&running[0], RESPONDED, Some(reply(vec![1; 16])));
    assert!(matches!(commit(&mut store, settle), Done::Settled(_)));
}

#[test]
fn a_store_whose_device_failed_opens_the_file_anew() {
    let folder = folder();
    let mut store = open(folder.path());
    store.commit(NOW, vec![submit(ticket(1)), submit(low(2))]).expect("a commit");
    let mut reader = store.reader().expect("a reader");
    // What a failing flush leaves behind.
    store.writer = None;
    let database = folder.path().join("queue.sqlite");
    let away = folder.path().join("away");
    std::fs::rename(&database, &away).expect("it is moved");
    let error = store.commit(NOW, vec![submit(ticket(3))]).expect_err("it still fails");
    assert!(matches!(error, Error::ReadOnly(_)), "{error:?}");
    std::fs::rename(&away, &database).expect("it is moved back");
    assert_eq!(commit(&mut store, submit(ticket(3))), Done::Submitted { ahead: 1 });
    check_counts(&store, folder.path());
    assert_eq!(ids(&reader.recent(None, 9).expect("it reads")), [3, 2, 1]);
    assert_eq!(ids(&claimed(&mut store, 9, 1)), [1, 3, 2]);
}

/// Mounts a small file system for a test; none where that is not allowed.
struct Mounted(TempDir);

impl Mounted {
    #[expect(clippy::disallowed_methods, reason = "a test makes itself a place without room")]
    fn run(program: &str, arguments: &[&str], folder: &TempDir) -> bool {
        let ran = std::process::Command::new(program).args(arguments).arg(folder.path()).output();
        ran.is_ok_and(|output| output.status.success())
    }

    fn new(size: &str) -> Option<Self> {
        let (folder, size) = (folder(), format!("size={size}"));
        let mounted = Self::run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs"], &folder);
        mounted.then_some(Self(folder))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        Self::run("umount", &["-l"], &self.0);
    }
}

#[test]
fn a_full_disk_loses_nothing_and_goes_on_when_there_is_room() {
    let Some(mounted) = Mounted::new("4m") else { return };
    let folder = mounted.0.path();
    let mut store = open(folder);
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![0; 1024 * 1024]).expect("there is room");
    let taken = fill(&mut store);
    assert!(taken > 20, "{taken}");
    let content = Content { headers: Vec::new(), body: vec![1; 3 * 1024 * 1024] };
    let large = Op::Submit { ticket: ticket(5_000), content, max_ahead: None };
    let error = store.commit(NOW, vec![large]).expect_err("no room for a body either");
    assert!(matches!(error, Error::Full(_)), "{error:?}");
    let mut reader = store.reader().expect("a reader");
    assert_eq!(reader.backlog(&app()).expect("it reads").waiting, u64::try_from(taken).unwrap());
    std::fs::remove_file(ballast).expect("it is there");
    let ahead = u64::try_from(taken).unwrap();
    assert_eq!(commit(&mut store, submit(ticket(1_000))), Done::Submitted { ahead });
    check_counts(&store, folder);
    let expected: Vec<_> = (0..taken).chain([1_000]).collect();
    assert_eq!(ids(&claimed(&mut store, 10_000, 1)), expected);
}
