"""Questions that make sense, beside what Schemathesis thinks of: without them few answers would be more than problems.

Loaded by Schemathesis (SCHEMATHESIS_HOOKS). KV_HTTP: address of the instance; KV_KEY: the caller's key, or nothing;
KV_SEES_ALL: `yes` where the caller may see everything, so that every question must be answered.
"""

import datetime
import json
import os
import time
import urllib.error
import urllib.request

import schemathesis

HTTP = os.environ["KV_HTTP"]
KEY = os.environ.get("KV_KEY", "")
SEES_ALL = os.environ.get("KV_SEES_ALL") == "yes"


def ask(path):
    """Asks again while the instance says that it will be able to answer in a moment: the timetable is read last."""
    headers = {"Authorization": f"Bearer {KEY}"} if KEY else {}
    ends = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(HTTP + path, headers=headers), timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > ends:
                raise
            time.sleep(0.1)


def first(path):
    return ask(path)["items"][0]["id"]


now = datetime.datetime.now(datetime.timezone.utc)
in_an_hour = (now + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
today = now.strftime("%Y-%m-%d")
tomorrow = (now + datetime.timedelta(days=1)).strftime("%Y-%m-%d")
near = "51.95,7.17"
town = "steverstadt"
site, bay = first(f"/v1/sites?municipality={town}"), first(f"/v1/bays?municipality={town}")
stop = first(f"/v1/stops?near={near}&radius_m=2000")
journey = next(iter(ask(f"/v1/journeys?from={near}&to=51.93,7.19&modes=TRANSIT")["itineraries"]), None)
trip = next((leg["trip_id"] for leg in journey["legs"] if leg["trip_id"]), None) if journey else None
period = {"municipality": town, "from": today, "to": tomorrow}
tables = [
    {**period, "bucket": "hour_of_week"},
    {**period, "bucket": "1d", "days": "mo-fr,sa,so", "hours": "09:00-18:00"},
    {**period, "format": "csv", "locale": "de"},
    {**period, "format": "parquet"},
]

# Path: questions, each as path parameters and query.
QUESTIONS = {
    "/v1/parking": [
        ({}, {"near": near, "radius_m": 2000}),
        ({}, {"near": near, "for": "disabled,charging", "kind": "bay,site", "arrive": in_an_hour}),
        ({}, {"near": near, "include": "full,stale,static", "limit": 5}),
    ],
    "/v1/sites": [({}, {}), ({}, {"bbox": "7.10,51.90,7.20,52.00", "format": "geojson", "limit": 20})],
    "/v1/bays": [({}, {"municipality": town}), ({}, {"format": "geojson", "limit": 20})],
    "/v1/sites/{id}": [({"id": site}, {})],
    "/v1/bays/{id}": [({"id": bay}, {})],
    "/v1/vehicles": [({}, {"bbox": "6,50,8,53"})],
    "/v1/rentals": [({}, {"near": near, "radius_m": 2000}), ({}, {"bbox": "6,50,8,53", "form": "bicycle,scooter", "arrive_at": in_an_hour})],
    "/v1/journeys": [
        ({}, {"from": near, "to": "51.93,7.19"}),
        ({}, {"from": near, "to": "51.93,7.19", "modes": "CAR,PARK_RIDE", "for": "disabled", "free": "false"}),
        ({}, {"from": near, "to": "51.945,7.165", "arrive": in_an_hour, "wheelchair": "true"}),
        ({}, {"from": near, "to": "51.93,7.19", "pass": "deutschlandticket", "rider": "child"}),
        ({}, {"from": near, "to": "51.93,7.19", "modes": "RENTAL,BIKE_ON_BOARD,TAXI", "rental": "bicycle,scooter", "stay_min": 60}),
    ],
    "/v1/journeys/{id}": [({"id": journey["id"]}, {}), ({"id": journey["id"]}, {"lang": "de"})] if journey else [],
    "/v1/trips/{id}": [({"id": trip}, {})] if trip else [],
    "/v1/search": [
        ({}, {"q": "Bahnhof", "near": near, "limit": 5}),
        ({}, {"q": "haupstr 4", "kind": "address,street", "lang": "de"}),
    ],
    "/v1/search/at": [({}, {"point": near, "kind": "stop,site,street"})],
    "/v1/stops": [({}, {"near": near, "radius_m": 2000, "limit": 5})],
    "/v1/on-demand": [({}, {"near": near, "radius_m": 2000, "lang": "de"})],
    "/v1/alerts": [({}, {"limit": 2})],
    "/v1/stops/{id}/departures": [({"id": stop}, {"limit": 5})],
    "/v1/forecast": [
        ({}, {"site": site, "at": in_an_hour}),
        ({}, {"bay": bay, "until": in_an_hour, "step": "15m"}),
    ],
    "/v1/forecast/quality": [({}, {"municipality": town}), ({}, {"site": site})],
    "/v1/occupancy": [({}, query) for query in [*tables, {**period, "group_by": "site"}]],
    "/v1/stays": [({}, query) for query in [period, {**period, "group_by": "bay"}, {**period, "format": "csv"}]],
    "/v1/punctuality": [({}, query) for query in tables],
    "/v1/ridership": [({}, {**query, "group_by": "route,stop"}) for query in tables],
    "/v1/feeds": [({}, {})],
    "/v1/unmatched-topics": [({}, {})],
    "/v1/sensors": [({}, {}), ({}, {"health": "ok,watch,new", "limit": 3})],
    "/v1/rejections": [({}, {}), ({}, {"reason": "unknown_sensor"})],
    "/open/parkapi/v1/{municipality}": [({"municipality": town}, {})],
    "/open/parkapi/v3/parking-sites": [({}, {"source_uid": town, "limit": 5})],
    "/open/parkapi/v3/parking-spots": [({}, {"limit": 5})],
}
if SEES_ALL:
    sensor = first("/v1/sensors")
    QUESTIONS["/v1/sensors/{id}"] = [({"id": sensor}, {})]
    QUESTIONS["/v1/sensors/{id}/messages"] = [({"id": sensor}, {})]


@schemathesis.hook
def before_add_examples(context, examples):
    operation = context.operation
    if operation.method.upper() == "GET":
        for path_parameters, query in QUESTIONS.get(operation.path, []):
            examples.append(operation.Case(path_parameters=path_parameters, query=query))


@schemathesis.check
def questions_that_make_sense_are_answered(ctx, response, case):
    """Whoever may see everything gets an answer to each of the questions above."""
    asked = QUESTIONS.get(case.operation.path, [])
    has_key = response.request.headers.get("Authorization") == f"Bearer {KEY}"
    if SEES_ALL and has_key and (case.path_parameters or {}, case.query or {}) in asked and case.method.upper() == "GET":
        assert response.status_code in (200, 304), f"{response.status_code}: {response.text}"


@schemathesis.deserializer("application/vnd.apache.parquet", "text/csv")
def as_text(ctx, response):
    """Tables are read back by tests of their own; here it counts that they come as what they are said to be."""
    return response.content.decode("latin-1")
