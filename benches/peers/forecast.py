#!/usr/bin/env python3
"""LightGBM on the same past, compared on the very same pairs of origin and target.

    pip install lightgbm pandas numpy
    kreisverkehr forecast evaluate --history DATA --mapping docs/history/muenster.toml \
        --train-until 2023-07-01 --test-until 2024-07-01 --pairs pairs.csv
    benches/peers/forecast.py --history DATA --pairs pairs.csv --train-until 2023-07-01

DATA is the unpacked folder of Münster's CSV files. Features: lags of 0, 15, 30 and 60 minutes, the
same time yesterday, a week and two weeks ago, quarter-hour, weekday and lot; one model of the
change (L1) and one of the chance of at least 5 % vacant for each horizon. A 0 right after more than
a tenth was vacant, and a 0 for half a day, is no value, as in the forecast. The intervals are 95 %
of a paired bootstrap over days.
"""

import argparse
import tomllib
from pathlib import Path

import lightgbm
import numpy
import pandas

DAY, TZ, FULL = 96, "Europe/Berlin", 0.05
ROOT = Path(__file__).resolve().parents[2]


def counts(folder, names):
    files = sorted(Path(folder).rglob("*.csv"), key=lambda f: f.name)
    # A few days have one cell too many at the end.
    options = {"engine": "python", "encoding": "utf-8-sig", "on_bad_lines": lambda row: row[:-1]}
    table = pandas.concat([pandas.read_csv(f, index_col=False, **options) for f in files])
    at = pandas.to_datetime(table["Datum und Uhrzeit"], errors="coerce")
    at = at.dt.tz_localize(TZ, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    table = table.rename(columns=names)[list(names.values())].apply(pandas.to_numeric, errors="coerce")
    table = table.set_index(pandas.DatetimeIndex(at))
    table = table[table.index.notna()].sort_index()
    return table[~table.index.duplicated(keep="last")]


def believed(series, capacity):
    values, seconds = series.to_numpy(float).copy(), series.index.as_unit("s").asi8
    above, since, fault = numpy.nan, None, False
    for i, value in enumerate(values):
        if value == 0:
            if since is None:
                since, fault = seconds[i], not above <= 0.1 * capacity
            if fault or seconds[i] - since > 12 * 3600:
                values[i] = numpy.nan
        elif not numpy.isnan(value):
            since, above = None, value
    return pandas.Series(numpy.minimum(values, capacity) / capacity, series.index)


def grid(folder, names, train_until):
    raw = counts(folder, names)
    shares = {}
    for site in names.values():
        early = raw[site][raw.index < train_until]
        shares[site] = believed(raw[site], early[early > 0].quantile(0.999))
    shares = pandas.DataFrame(shares)
    quarters = pandas.date_range(shares.index[0].ceil("15min"), shares.index[-1], freq="15min")
    tolerance = pandas.Timedelta("14min")
    return pandas.merge_asof(
        pandas.DataFrame(index=quarters), shares, left_index=True, right_index=True, tolerance=tolerance
    )


def samples(shares, steps):
    local = shares.index.tz_convert(TZ) + pandas.Timedelta(minutes=15 * steps)
    parts = []
    for lot, site in enumerate(shares):
        s = shares[site]
        lags = {f"lag{k}": s.shift(k) for k in (0, 1, 2, 4)}
        past = {f"past{k}": s.shift(k * DAY - steps) for k in (1, 7, 14)}
        when = {"quarter": local.hour * 4 + local.minute // 15, "weekday": local.dayofweek, "lot": lot}
        part = pandas.DataFrame({**lags, **past, **when}, index=s.index)
        part["y"], part["site"] = s.shift(-steps), site
        part["at"] = s.index + pandas.Timedelta(minutes=15 * steps)
        parts.append(part[(local.hour >= 7) & (local.hour < 20)])
    return pandas.concat(parts).dropna(subset=["y", "lag0"])


def compare(minutes, shares, pairs, train_until, rounds):
    data = samples(shares, minutes // 15)
    is_early = data["at"] < train_until
    train, test = data[is_early], data[~is_early]
    features = [c for c in data if c not in ("y", "site", "at")]
    options = {"learning_rate": 0.05, "num_leaves": 63, "min_data_in_leaf": 100, "verbose": -1, "num_threads": 2}

    def fit(target, objective, n):
        dataset = lightgbm.Dataset(train[features], target, categorical_feature=["weekday", "lot"])
        return lightgbm.train({**options, "objective": objective}, dataset, n).predict(test[features])

    test = test.assign(
        guess=(test["lag0"] + fit(train["y"] - train["lag0"], "l1", rounds)).clip(0, 1),
        chance=fit((train["y"] >= FULL).astype(int), "binary", rounds // 2),
    )
    both = pairs[pairs["minutes"] == minutes].merge(test[["site", "at", "y", "guess", "chance"]], on=["site", "at"])
    happened = (both["truth"] >= FULL).astype(float)
    errors = pandas.DataFrame({
        "ours": 100 * (both["forecast"] - both["truth"]).abs(),
        "lightgbm": 100 * (both["guess"] - both["y"]).abs(),
        "sign": 100 * (both["sign"] - both["truth"]).abs(),
        "ours_brier": (both["p"] - happened) ** 2,
        "lightgbm_brier": (both["chance"] - (both["y"] >= FULL)) ** 2,
        "sign_brier": ((both["sign"] >= FULL) - happened) ** 2,
    })
    days = errors.groupby(both["at"].dt.date)
    sums, n = days.sum().to_numpy(), days.size().to_numpy()
    draws = numpy.random.default_rng(1).multinomial(len(n), numpy.full(len(n), 1 / len(n)), 2000)
    means = (draws @ sums) / (draws @ n)[:, None]
    print(f"{minutes} min, n = {len(both)}")
    for name, mean in errors.mean().items():
        print(f"  {name:15} {mean:.5f}")
    for kind, first in (("MAE", 0), ("Brier", 3)):
        for peer, other in (("lightgbm", first + 1), ("sign", first + 2)):
            low, high = numpy.quantile(means[:, first] - means[:, other], [0.025, 0.975])
            print(f"  {kind} ours - {peer}: {low:+.5f} .. {high:+.5f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", required=True)
    parser.add_argument("--pairs", required=True)
    parser.add_argument("--train-until", required=True)
    parser.add_argument("--minutes", type=int, nargs="+", default=[15, 30, 60, 120])
    parser.add_argument("--rounds", type=int, default=400)
    args = parser.parse_args()
    mapping = tomllib.loads((ROOT / "docs/history/muenster.toml").read_text())
    pairs = pandas.read_csv(args.pairs, parse_dates=["at"])
    sites = set(pairs["site"])
    names = {c["name"]: c["site"] for c in mapping["column"] if c["site"] in sites}
    train_until = pandas.Timestamp(args.train_until, tz=TZ)
    shares = grid(args.history, names, train_until)
    for minutes in args.minutes:
        compare(minutes, shares, pairs, train_until, args.rounds)


if __name__ == "__main__":
    main()
