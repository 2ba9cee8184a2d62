use crate::support::read_files;

fn problems(text: &str) -> String {
    read_files(&[("feeds.toml", text)]).unwrap_err()
}

#[test]
fn unknown_keys_have_lines() {
    let feed_keys = "id, municipality, format, topic, url, every_s, headers_file, ca_file, cert_file, key_file, stale_after_s, systems, return_rule, geofencing, allow_private, push, storage_url, storage_token_file, timetable, broker, qos, clock, on_bad_clock, \
                     max_age, max_message_bytes, max_messages_per_s, max_bytes_per_s, max_rejections_per_h, heartbeat_s, use_server_decoder, area, licence, attribution, contact";
    assert_eq!(
        problems(
            "title = 'x'\n\n[[feed]]\nid = 'f'\nmunicipality = 'coesfeld'\nformat = 'native'\ntopic = 'kv/1/f/#'\nattributon = 'x'\n"
        ),
        format!(
            "feeds.toml:8: attributon: is not known in a feed\n  remedy: did you mean 'attribution'? known: \
             {feed_keys}\n\
             feeds.toml:1: title: is not known here\n  remedy: known: [[broker]], [[feed]]"
        )
    );
    assert_eq!(
        problems("[feed]\nid = 'f'\n"),
        "feeds.toml:1: feed: is not a list of tables\n  remedy: write [[feed]] above each feed, with two brackets"
    );
    assert!(problems("[[feed]]\nid = f\n").starts_with("feeds.toml:2: is not TOML: "));
}

#[test]
fn feeds_that_are_posted_to_and_storages_have_what_they_need_and_nothing_else() {
    let feed = |lines: &str| {
        let text = format!("[[feed]]\nid = 'f'\nmunicipality = 'coesfeld'\n{lines}\n");
        read_files(&[("feeds.toml", &text)]).err().unwrap_or_default()
    };
    for good in [
        "format = 'chirpstack'\npush = true",
        "format = 'gtfs-rt'\nurl = 'https://h.example/a'\nheaders_file = 'h'\ncert_file = 'c'\nkey_file = 'k'\nca_file = 'a'",
        "format = 'gtfs-rt'\nurl = 'http://10.0.0.1/a'\nheaders_file = 'h'\nallow_private = true",
        "format = 'parkapi-v3'\npush = true",
        "format = 'gbfs'\nurl = 'https://h.example/gbfs.json'\nevery_s = 60\nsystems = ['a', 'b']\nreturn_rule = 'hybrid'\n\
         geofencing = false\nstale_after_s = 600",
        "format = 'native'\ntopic = 'kv/1/f/#'\npush = false",
        "format = 'tts'\ntopic = 'v3/a@t/#'\nstorage_url = 'https://h.example'\nstorage_token_file = 'token'",
        "format = 'tts'\ntopic = 'v3/a@t/#'\nstorage_url = 'http://10.0.0.1'\nstorage_token_file = 'token'\nallow_private = true",
    ] {
        assert_eq!(feed(good), "", "{good}");
    }
    for (bad, says) in [
        (
            "format = 'native'\npush = true\ntopic = 'kv/1/f/#'",
            "topic: has no meaning for a feed with push = true",
        ),
        (
            "format = 'gtfs-rt'\nurl = 'http://h.example/a'\nheaders_file = 'h'",
            "headers_file: holds keys, which http shows to everybody",
        ),
        (
            "format = 'gtfs-rt'\nurl = 'http://10.0.0.1/a'\nallow_private = true\ncert_file = 'c'\nkey_file = 'k'",
            "cert_file: has no meaning for an address that begins with http://",
        ),
        ("format = 'gtfs-rt'\nurl = 'https://h.example/a'\ncert_file = 'c'", "key_file: is missing beside"),
        ("format = 'gtfs-rt'\nurl = 'https://h.example/a'\nkey_file = 'c'", "cert_file: is missing beside"),
        ("format = 'gtfs-rt'\ntopic = 'a'\nheaders_file = 'h'", "headers_file: has no meaning without 'url'"),
        ("format = 'gbfs'", "url: is missing: feeds of shared vehicles are polled"),
        ("format = 'gbfs'\npush = true", "push: has no meaning for a feed of shared vehicles"),
        (
            "format = 'gbfs'\nurl = 'https://h.example/a'\nreturn_rule = 'home'",
            "return_rule = 'home': is not known",
        ),
        (
            "format = 'gbfs'\nurl = 'https://h.example/a'\nstale_after_s = 0",
            "stale_after_s = '0': is out of range",
        ),
        (
            "format = 'gbfs'\nurl = 'https://h.example/a'\nsystems = 'a'",
            "systems = 'a': is not a list of ids",
        ),
        (
            "format = 'gtfs-rt'\nurl = 'https://h.example/a'\nsystems = ['a']",
            "systems: has a meaning for feeds of format gbfs",
        ),
        ("format = 'gtfs-rt'\npush = true\nca_file = 'h'", "ca_file: has no meaning without 'url'"),
        ("format = 'gtfs-rt'\npush = true\nurl = 'https://h.example/a'", "delete 'push' or 'url'"),
        ("format = 'native'\npush = true\nbroker = 'b'", "delete 'push' or 'broker'"),
        ("format = 'history'\npush = true", "has no meaning for a feed of imported history"),
        ("format = 'parkapi-v3'\ntopic = 'a'", "messages of format parkapi-v3 come over HTTP only"),
        ("format = 'native'\npush = 'yes'\ntopic = 'kv/1/f/#'", "push = 'yes'"),
        ("format = 'native'", "topic: is missing"),
        (
            "format = 'tts'\ntopic = 'v3/a@t/#'\nstorage_url = 'https://h.example'",
            "storage_token_file: is missing beside",
        ),
        ("format = 'tts'\ntopic = 'v3/a@t/#'\nstorage_token_file = 't'", "storage_url: is missing beside"),
        (
            "format = 'tts'\ntopic = 'v3/a@t/#'\nstorage_url = 'http://h.example'\nstorage_token_file = 't'",
            "which http shows to everybody",
        ),
        (
            "format = 'tts'\ntopic = 'v3/a@t/#'\nstorage_url = 'https://10.0.0.1'\nstorage_token_file = 't'",
            "allow_private = true",
        ),
        (
            "format = 'native'\ntopic = 'kv/1/f/#'\nstorage_url = 'https://h.example'\nstorage_token_file = 't'",
            "has a meaning for feeds of format tts",
        ),
        (
            "format = 'tts'\npush = true\nstorage_url = 'https://h.example'\nstorage_token_file = 't'",
            "has a meaning for feeds of format tts with a topic alone",
        ),
    ] {
        let report = feed(bad);
        assert!(report.contains(says) && report.contains("remedy: "), "{bad}: {report}");
    }
}

#[test]
fn secrets_are_refused_and_not_repeated() {
    let report = problems(
        "[[broker]]\nid = 'a'\nurl = 'mqtt://me:hunter2@host:1883'\n[[broker]]\nid = 'b'\nurl = 'mqtt://host'\npassword = 'hunter2'\n",
    );
    assert_eq!(
        report,
        "feeds.toml:3: url: a user name or password does not stand in the address\n  remedy: take it out of the \
         address; write username = \"...\" and password_file = \"...\"\n\
         feeds.toml:7: password: a password does not stand in this file\n  remedy: write the password into a file of \
         its own and name it: password_file = \"secrets/broker\""
    );
}

#[test]
fn brokers_are_whole() {
    assert_eq!(
        problems(
            "[[broker]]\nid = 'a'\nurl = 'tcp://host'\nversion = 5\npassword_file = 'p'\ncert_file = 'c'\n"
        ),
        "feeds.toml:3: url = 'tcp://host': is not the address of an MQTT broker\n  remedy: write mqtt://host:1883, or \
         mqtts://host:8883 for TLS\n\
         feeds.toml:1: username: is missing beside 'password_file'\n  remedy: add 'username'\n\
         feeds.toml:1: key_file: is missing beside 'cert_file'\n  remedy: add 'key_file'\n\
         feeds.toml:4: version = '5': a text is needed\n  remedy: write it in quotes: \"5\""
    );
}

#[test]
fn feeds_are_whole() {
    let head = |id: &str| format!("[[feed]]\nid = '{id}'\nmunicipality = 'coesfeld'\nformat = 'native'\n");
    assert_eq!(problems(&head("f")), "feeds.toml:1: topic: is missing\n  remedy: add 'topic'");
    for (lines, report) in [
        (
            "topic = 'a/#/b'",
            "5: topic = 'a/#/b': '#' stands at the end only\n  remedy: use '+' for a single level",
        ),
        (
            "topic = 'a/b+'",
            "5: topic = 'a/b+': '+' and '#' stand alone in their level, not as in 'b+'\n  remedy: separate them with \
             '/', e.g. application/+/device/+/event/+",
        ),
        (
            "topic = '$share/g/a'",
            "5: topic = '$share/g/a': a shared subscription is not a topic filter\n  remedy: write the filter behind \
             the group's name",
        ),
        ("topic = 'a'\nqos = 2", "6: qos = '2': is out of range\n  remedy: write 0 to 1"),
        (
            "topic = 'a'\nclock = 'device'",
            "6: clock = 'device': is not known\n  remedy: choices: payload, network, receipt",
        ),
        (
            "topic = 'a'\nmax_age = 30",
            "6: max_age = '30': is not an age\n  remedy: write a number and a unit (s, m, h, d, w, y) in quotes, e.g. \
             \"30s\"",
        ),
        (
            "topic = 'a'\narea = [51.8, 7.0, 52.1, 'x']",
            "6: area = '[51.8,7.0,52.1,\"x\"]': is not a box in degrees\n  remedy: write [west, south, east, north], \
             e.g. [7.0, 51.8, 7.5, 52.1]",
        ),
        (
            "topic = 'a'\ntimetable = 'gtfs/bus.zip'",
            "6: timetable = 'gtfs/bus.zip': is not the name of a file\n  remedy: write the GTFS file's name without its \
             folder, e.g. bus.zip",
        ),
        (
            "topic = 'a'\nevery_s = 30",
            "6: every_s: has no meaning without 'url'\n  remedy: delete it, or add 'url'",
        ),
        (
            "url = 'https://x/y'",
            "5: url: only feeds of format gtfs-rt and gbfs are polled\n  remedy: delete 'url' and name a topic",
        ),
        (
            "topic = 'a'\nuse_server_decoder = 'true'",
            "6: use_server_decoder = 'true': is neither true nor false\n  remedy: write true or false, without quotes",
        ),
    ] {
        assert_eq!(problems(&format!("{}{lines}\n", head("f"))), format!("feeds.toml:{report}"));
    }
    assert_eq!(
        problems(&format!("{}topic = 'x'\n", head("a/b"))),
        "feeds.toml:2: id = 'a/b': a feed's id stands in MQTT topics and holds no '/', '+' or '#'\n  remedy: use \
         letters, digits, '-', '_' or '.'"
    );
    assert_eq!(
        problems(
            "[[feed]]\nid = 'f'\nmunicipality = 'c'\nformat = 'gtfs-rt'\nurl = 'ftp://me:hunter2@x?key=hunter2'\ntopic = 'a'\n"
        ),
        "feeds.toml:5: url = 'ftp://x': is not a web address\n  remedy: write https://host/path\n\
         feeds.toml:6: topic: has no meaning for a feed that is polled from 'url'\n  remedy: delete 'url' or 'topic'"
    );
}

#[test]
fn addresses_of_feeds_lead_to_the_public_internet_unless_allowed() {
    let feed = |lines: &str| {
        let text = format!("[[feed]]\nid = 'f'\nmunicipality = 'coesfeld'\nformat = 'gtfs-rt'\n{lines}\n");
        read_files(&[("feeds.toml", &text)]).err().unwrap_or_default()
    };
    for url in ["http://operator.example/a?key=k", "https://193.99.144.80:8443/a", "https://[2620:fe::fe]/"] {
        assert_eq!(feed(&format!("url = '{url}'")), "", "{url}");
    }
    for host in [
        "127.0.0.1",
        "localhost:80",
        "LocalHost",
        "10.0.0.7:8080",
        "[::1]:80",
        "[::ffff:10.0.0.1]",
        "169.254.169.254",
    ] {
        let refused = feed(&format!("url = 'http://{host}/a?key=s3cret'"));
        assert!(refused.contains("allow_private = true") && !refused.contains("s3cret"), "{host}: {refused}");
        assert_eq!(feed(&format!("url = 'http://{host}/a'\nallow_private = true")), "", "{host}");
    }
    for url in
        ["https://me:s3cret@operator.example/a", "https://me@operator.example", "http://s3cret@10.0.0.1/"]
    {
        let refused = feed(&format!("url = '{url}'\nallow_private = true"));
        assert!(refused.contains("a user and a password") && !refused.contains("s3cret"), "{refused}");
    }
    for url in [
        "http://",
        "http:///a",
        "http://?x",
        "file:///etc/passwd",
        "gopher://operator.example/",
        "https://a b/",
    ] {
        assert!(feed(&format!("url = '{url}'")).contains("is not a web address"), "{url}");
    }
    assert!(
        feed("topic = 'a'\nallow_private = true").contains("allow_private: has no meaning without 'url'")
    );
}
