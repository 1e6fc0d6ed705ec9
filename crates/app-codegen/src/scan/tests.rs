//! What the scan refuses, and what it must let pass.

use quote::quote;

use super::body;
use crate::errors::Errors;

/// Scans a body and compares how much was reported.
#[track_caller]
fn check(tokens: &proc_macro2::TokenStream, expected: usize) {
    let errors = Errors::default();
    body(tokens.clone(), &errors.sink());
    let found = errors.into_vec();
    assert_eq!(found.len(), expected, "{tokens}: {found:?}");
}

#[test]
fn a_503_is_found_where_it_would_be_answered() {
    check(&quote!(Err(StatusCode::SERVICE_UNAVAILABLE)), 1);
    check(&quote!(return Err(StatusCode::from_u16(503).unwrap());), 1);
    check(&quote!(builder.status(503).body(())), 1);
    check(&quote!(let code = 503;), 1);
    check(&quote!(Failure { status: 503u16 }), 1);
    check(&quote!(if full { 503 } else { 500 }), 1);
    check(&quote!(tokio::spawn(async move { send(503).await })), 1);
}

#[test]
fn a_503_is_found_inside_macros() {
    check(&quote!(bail!(StatusCode::SERVICE_UNAVAILABLE)), 1);
    check(&quote!(json!({ "status": StatusCode::SERVICE_UNAVAILABLE })), 1);
    check(&quote!(tokio::select! { _ = done => SERVICE_UNAVAILABLE }), 1);
}

#[test]
fn a_raw_response_is_found() {
    check(&quote!(Response::builder().body(())), 1);
    check(&quote!(http::Response::builder()), 1);
    check(&quote!((code, "text").into_response()), 1);
    check(&quote!(IntoResponse::into_response(text)), 1);
}

#[test]
fn looking_at_a_503_of_another_service_is_fine() {
    check(&quote!(if status == StatusCode::SERVICE_UNAVAILABLE {}), 0);
    check(&quote!(if 503 != status.as_u16() {}), 0);
    check(&quote!(if status >= 503 {}), 0);
    check(
        &quote!(match code {
            503 => retry(),
            _ => {}
        }),
        0,
    );
    check(&quote!(if let Some(StatusCode::SERVICE_UNAVAILABLE) = status {}), 0);
    check(&quote!(matches!(code, 503 | 504)), 0);
    check(&quote!(assert_eq!(code, 503);), 0);
    check(&quote!([502, 503].contains(&code)), 0);
    check(&quote!((500..=503).contains(&code)), 0);
}

#[test]
fn telling_people_about_a_503_is_fine() {
    check(&quote!(tracing::warn!(code = 503, "upstream is gone");), 0);
    check(&quote!(println!("{}", StatusCode::SERVICE_UNAVAILABLE)), 0);
}

#[test]
fn a_number_that_is_no_status_is_fine() {
    check(&quote!(let width = 503_usize;), 0);
    check(&quote!(let half = count * 503;), 0);
    check(&quote!(let cell = row[503];), 0);
    check(&quote!(let code = 500;), 0);
}

#[test]
fn a_body_that_does_not_parse_is_left_to_the_compiler() {
    check(&quote!(let = 503;), 0);
}

#[test]
fn numbers_and_names_of_other_kinds_are_fine() {
    check(&quote!(let width: u32 = 503;), 0);
    check(
        &quote!(
            const HEIGHT: u32 = 503;
        ),
        0,
    );
    check(&quote!(let offset = -503;), 0);
    check(&quote!(let mask = 0x1F7;), 0);
    check(&quote!(let zeros = [0u8; 503];), 0);
    check(&quote!(let zeros = vec![0; 503];), 0);
    check(&quote!(sleep(Duration::from_millis(503)).await), 0);
    check(&quote!(let kind = Kind::SERVICE_UNAVAILABLE;), 0);
    check(&quote!(let text = concat!("a", 503);), 0);
    check(&quote!(up::Response::builder("text")), 0);
}

#[test]
fn a_list_of_statuses_is_fine() {
    check(
        &quote!(
            const RETRIED: [u16; 3] = [502, 503, 504];
        ),
        0,
    );
    check(&quote!(let retried = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::BAD_GATEWAY];), 0);
    check(&quote!(let retried = vec![502, 503];), 0);
    check(&quote!(let answers = [answer(StatusCode::SERVICE_UNAVAILABLE)];), 1);
}

#[test]
fn a_status_is_found_whatever_leads_to_its_type() {
    check(&quote!(let code: u16 = 503;), 1);
    check(&quote!(Err(http::StatusCode::SERVICE_UNAVAILABLE)), 1);
    check(&quote!(Err(SERVICE_UNAVAILABLE)), 1);
    check(&quote!(http::Response::builder()), 1);
    check(&quote!(let Some(found) = found else { return Err(503) };), 1);
}
