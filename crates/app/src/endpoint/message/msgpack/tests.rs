//! Each form that a value has in msgpack.

use std::{collections::BTreeMap, net::Ipv4Addr};

use serde::{Deserialize, Serialize};

use super::{read, write};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    unit: (),
    number: i64,
    large: u64,
    real: f64,
    text: String,
    list: Vec<u16>,
    some: Option<Inner>,
    none: Option<Inner>,
    map: BTreeMap<String, bool>,
    address: Ipv4Addr,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Inner {
    Unit,
    One(u8),
    Fields { first: u8 },
}

fn everything() -> Everything {
    Everything {
        unit: (),
        number: i64::MIN,
        large: u64::MAX,
        real: 0.5,
        text: "\u{fe}".to_owned(),
        list: vec![1, 2],
        some: Some(Inner::Fields { first: 1 }),
        none: None,
        map: BTreeMap::from([("key".to_owned(), true)]),
        address: Ipv4Addr::LOCALHOST,
    }
}

#[test]
fn what_was_written_is_read() {
    let written = write(&everything()).unwrap();
    assert_eq!(read::<Everything>(&written).unwrap(), everything());
    for inner in [Inner::One(1), Inner::Fields { first: 1 }] {
        assert_eq!(read::<Inner>(&write(&inner).unwrap()).unwrap(), inner);
    }
    assert!(write(&Inner::Unit).is_err(), "a text is no message");
}

#[test]
fn names_and_forms_are_those_of_json() {
    let written = write(&BTreeMap::from([("a", Some(Ipv4Addr::LOCALHOST))])).unwrap();
    assert_eq!(written, b"\x81\xa1a\xa9127.0.0.1".as_slice());
    let written = write(&Inner::Fields { first: 1 }).unwrap();
    assert_eq!(written, b"\x81\xa6fields\x81\xa5first\x01".as_slice());
}

#[derive(Debug, Deserialize)]
struct Field<T> {
    #[expect(dead_code, reason = "only read")]
    field: T,
}

#[track_caller]
fn check<T: serde::de::DeserializeOwned + std::fmt::Debug>(value: &[u8], expected: &str) {
    let message = [b"\x81\xa5field".as_slice(), value].concat();
    let error = read::<Field<T>>(&message).unwrap_err();
    assert_eq!(error.to_string(), expected, "{value:02x?}");
}

#[test]
fn what_does_not_fit_is_told_as_of_a_body() {
    check::<String>(b"\xc4\x01\xff", "field: Input should be a valid string");
    check::<u8>(b"\xcd\x01\x00", "field: Input should be less than or equal to 255");
    check::<u8>(b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "field: Input should be a valid integer");
    check::<Vec<u8>>(b"\x91\xc0", "field.0: Input should be a valid integer");
    check::<Vec<u8>>(b"\x81\x01\x02", "field: Input should be a valid list");
    check::<bool>(b"\x81\x01\x02", "field: Input should be a valid boolean");
    check::<bool>(b"\xd4\x01\x02", "field: Input should be a valid boolean");
}
