//! Access tokens: recorded, found, revoked.

use zelador::store::{NewToken, Role};
use zelador::web::token;

use secrecy::ExposeSecret;

use super::fixture::{Fixture, on_both_databases};

on_both_databases! {
    a_token_is_found_by_its_text_until_it_is_revoked,
    a_token_with_another_secret_or_id_is_not_found,
    the_store_keeps_no_text_that_opens_anything,
}

async fn a_token_is_found_by_its_text_until_it_is_revoked(fixture: Fixture) {
    let store = fixture.open().await;
    let (made, text) = token::create(&store, Role::Operator, Some("acme".into())).await.unwrap();
    let found = token::find(&store, text.expose_secret()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&made));
    assert_eq!((made.spec.role, made.spec.tenant_id.as_deref()), (Role::Operator, Some("acme")));
    assert!(store.revoke_token(&made.id).await.unwrap());
    assert!(!store.revoke_token(&made.id).await.unwrap());
    assert_eq!(token::find(&store, text.expose_secret()).await.unwrap(), None);
    assert!(store.tokens().await.unwrap()[0].revoked_at.is_some());
}

async fn a_token_with_another_secret_or_id_is_not_found(fixture: Fixture) {
    let store = fixture.open().await;
    let (first, first_text) = token::create(&store, Role::Admin, None).await.unwrap();
    let (second, second_text) = token::create(&store, Role::Viewer, None).await.unwrap();
    assert_eq!(store.tokens().await.unwrap(), [second.clone(), first.clone()]);
    let swapped = second_text.expose_secret().replace(&second.id, &first.id);
    for text in [swapped.as_str(), &first_text.expose_secret()[..first_text.expose_secret().len() - 1], ""] {
        assert_eq!(token::find(&store, text).await.unwrap(), None, "{text}");
    }
}

async fn the_store_keeps_no_text_that_opens_anything(fixture: Fixture) {
    let store = fixture.open().await;
    let (made, text) = token::create(&store, Role::Admin, None).await.unwrap();
    let NewToken { hash, .. } = made.spec;
    assert!(!text.expose_secret().contains(&hash));
    let as_token = format!("zelador_{}_{hash}", made.id);
    assert_eq!(token::find(&store, &as_token).await.unwrap(), None);
}
