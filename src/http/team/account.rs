//! One's own password and second factor.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::Shared;
use super::super::asked::Sent;
use super::super::once::KeepInstead;
use super::super::principal::Own;
use super::super::problem::Problem;

/// A new password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    old: String,
    /// Of 12 to 200 characters.
    new: String,
}

/// The password once more.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordProof {
    password: String,
}

/// The first code.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstCode {
    code: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct SecondFactorBegun {
    /// In base32, for typing in.
    secret: String,
    /// For a QR code.
    uri: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct RecoveryCodes {
    /// Each counts once, in place of a code; shown here and never again.
    recovery_codes: Vec<String>,
}

/// Changes one's own password; all other sessions end.
#[utoipa::path(put, path = "/api/v1/account/password", tag = "team", request_body = PasswordChange,
    operation_id = "change_password",
    responses((status = 204, description = "Changed")))]
pub async fn password(
    State(shared): State<Shared>,
    Own(who): Own,
    Sent(asked): Sent<PasswordChange>,
) -> Result<Response, Problem> {
    shared.parts.team.change_password(&who, &asked.old, &asked.new).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Begins a second factor: an authenticator is given its secret. It counts once a code was sent by PUT.
#[utoipa::path(post, path = "/api/v1/account/two-factor", tag = "team", request_body = PasswordProof,
    operation_id = "begin_two_factor",
    responses((status = 200, description = "The secret", body = SecondFactorBegun)))]
pub async fn begin(
    State(shared): State<Shared>,
    Own(who): Own,
    Sent(asked): Sent<PasswordProof>,
) -> Result<Response, Problem> {
    let secret = shared.parts.team.begin_second_factor(&who, &asked.password).await?;
    let uri = format!("otpauth://totp/Switchboard:{}?secret={secret}&issuer=Switchboard", who.teammate.email);
    let mut response = Json(SecondFactorBegun { secret, uri }).into_response();
    response.extensions_mut().insert(KeepInstead(json!({ "secret": null })));
    Ok(response)
}

/// Switches it on with its first code.
#[utoipa::path(put, path = "/api/v1/account/two-factor", tag = "team", request_body = FirstCode,
    operation_id = "confirm_two_factor",
    responses((status = 200, description = "On; codes for a lost telephone", body = RecoveryCodes)))]
pub async fn confirm(
    State(shared): State<Shared>,
    Own(who): Own,
    Sent(asked): Sent<FirstCode>,
) -> Result<Response, Problem> {
    let recovery_codes = shared.parts.team.confirm_second_factor(&who, &asked.code).await?;
    let mut response = Json(RecoveryCodes { recovery_codes }).into_response();
    response.extensions_mut().insert(KeepInstead(json!({ "recovery_codes": null })));
    Ok(response)
}

/// Switches it off.
#[utoipa::path(post, path = "/api/v1/account/two-factor/off", tag = "team", request_body = PasswordProof,
    operation_id = "end_two_factor",
    responses((status = 204, description = "Off")))]
pub async fn off(
    State(shared): State<Shared>,
    Own(who): Own,
    Sent(asked): Sent<PasswordProof>,
) -> Result<Response, Problem> {
    shared.parts.team.end_second_factor(&who, &asked.password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
