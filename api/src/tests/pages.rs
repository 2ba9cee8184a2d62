//! The pages: in two languages, without JavaScript, nothing from elsewhere.

use axum::http::StatusCode;
use domain::{Audience, Restriction};
use testing::World;

use super::fixture::{County, NOW, WARENDORF, counted, kept_for};

#[tokio::test]
async fn the_list_shows_vacant_places_and_the_age_of_unknown_ones() {
    let county = County::new();
    let page = county.get("/?q=51.953,7.991").await;
    assert_eq!(page.status, StatusCode::OK);
    for listed in [
        "lang=\"de\"",
        "Parkhaus Emsinsel",
        "frei von 116",
        "nicht bekannt",
        "Letzte Meldung",
        "1 geschlossen",
    ] {
        assert!(page.body.contains(listed), "{listed}: {}", page.body);
    }
    assert!(!page.body.contains("w-secret") && !page.body.contains("w-hidden"));
}

#[tokio::test]
async fn the_language_follows_the_browser_and_the_switch() {
    let county = County::new();
    let english = county.get_with("/?municipality=telgte", &[("accept-language", "en-GB,en")]).await.body;
    assert!(
        english.contains("lang=\"en\"")
            && english.contains("Near Telgte")
            && english.contains("40 vacant spaces")
    );
    let switched = county.get_with("/?lang=de&q=telgte", &[("accept-language", "en")]).await.body;
    assert!(switched.contains("Bei Telgte"));
}

#[tokio::test]
async fn not_found_pages_explain_and_input_stays_text() {
    let county = County::new();
    let page = county.get("/?q=%3Cscript%3E").await.body;
    assert!(page.contains("Kein Ort und kein Parkplatz heißt") && !page.contains("<script>"));
    assert!(county.get("/?q=1,1").await.body.contains("Dort gibt es keine Daten"));
}

#[tokio::test]
async fn the_sign_shows_numbers_words_and_no_stale_number() {
    let county = County::new();
    let sign = county.get("/sign/warendorf?lang=en").await;
    assert_eq!(sign.status, StatusCode::OK);
    for listed in
        ["Vacant parking in Warendorf", ">70<", "closed", "not known", "kind=site&amp;municipality=warendorf"]
    {
        assert!(sign.body.contains(listed), "{listed}: {}", sign.body);
    }
    assert_eq!(county.get("/sign/atlantis").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere() {
    let county = County::new();
    for path in ["/", "/?q=warendorf", "/sign/telgte", "/docs"] {
        let page = county.get(path).await;
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert!(!page.body.contains("http://") && !page.body.contains("https://"), "{path}");
        assert!(!page.body.contains("style=") && !page.body.contains("onclick"), "{path}");
    }
    assert_eq!(county.get("/assets/live.js").await.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(county.get("/assets/style.css").await.status, StatusCode::OK);
}

#[tokio::test]
async fn page_and_sign_count_what_everyone_may_use_now() {
    let rule = |audience, capacity, hours: Option<&str>| Restriction {
        capacity,
        hours: hours.map(Into::into),
        ..kept_for(audience)
    };
    let world = World::town("warendorf")
        .at(WARENDORF)
        .place_ids_from(11)
        .north_m(100.0)
        .site("garage", 100)
        .with_site(|garage| {
            garage.restrictions = vec![
                rule(Audience::Disabled, Some(4), None),
                rule(Audience::Resident, Some(20), Some("Mo-Su 18:00-24:00")),
            ];
            garage.opening_hours = Some("Mo-Su 06:00-22:00".into());
        })
        .north_m(150.0)
        .site("evening", 10)
        .with_site(|site| {
            site.restrictions = vec![rule(Audience::Resident, None, Some("Mo-Su 18:00-24:00"))];
        })
        .north_m(200.0)
        .site("residents", 10)
        .with_site(|site| site.restrictions = vec![rule(Audience::Resident, None, None)]);
    let county = County::with(world.contents);
    county.hub.apply(vec![counted(11, 50, 30), counted(12, 3, 30), counted(13, 0, 30)], NOW);

    // The count does not separate the four for disabled people; the residents' are nobody else's.
    let page = county.get("/?near=51.953,7.991&lang=en").await.body;
    let sign = county.get("/sign/warendorf?lang=en").await.body;
    for (body, total) in [(&page, "57 vacant spaces"), (&sign, "Together 57 vacant spaces")] {
        for shown in [
            total,
            "50",
            ">7",
            "May include spaces for disabled people (4)",
            "from 18:00 partly for residents only",
            "from 18:00 for residents only",
        ] {
            assert!(body.contains(shown), "{shown}: {body}");
        }
    }
    assert!(sign.contains("for residents only</span>"), "{sign}");
    let german = county.get("/sign/warendorf?lang=de").await.body;
    assert!(
        german.contains("ab 18:00 nur für Anwohner") && german.contains(">nur für Anwohner<"),
        "{german}"
    );
}
