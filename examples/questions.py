"""Five questions that a business asks, answered from an export: python questions.py EXPORT_OR_HOME."""

import json
import sys
import tempfile
from pathlib import Path

import duckdb

from indicium.domain.errors import IndiciumError
from indicium.entrypoints import audit, export
from indicium.infrastructure.store import Store
from indicium.settings import Settings

QUESTIONS = {
    "What was spent per day and mail class?": """
        SELECT date AS day, coalesce(mail_class, item) AS class, count(*) AS items, dollars(sum(value)) AS spent
        FROM transactions WHERE event = 'indicium-created'
        GROUP BY ALL ORDER BY day DESC, sum(value) DESC LIMIT 28
    """,
    "Who spends most, and for how many days will it last?": """
        WITH spending AS (
            SELECT customer, sum(value) AS spent, (SELECT max(date) FROM transactions) - min(date) + 1 AS days
            FROM transactions WHERE event = 'indicium-created' GROUP BY customer
        ), holding AS (
            SELECT customer, sum(dr) AS held FROM meters GROUP BY customer
        )
        SELECT customer, dollars(spent) AS spent, dollars(spent // days) AS a_day, dollars(held) AS left,
            held * days // spent AS days_left
        FROM spending JOIN holding USING (customer) ORDER BY spending.spent DESC LIMIT 10
    """,
    "What comes in and goes out a week, and how much is held for customers?": """
        WITH weekly AS (
            SELECT date_trunc('week', recorded_at)::DATE AS week,
                coalesce(sum(value) FILTER (event = 'postage-value-downloaded'), 0) AS loaded,
                coalesce(sum(value) FILTER (event = 'indicium-created'), 0) AS spent
            FROM transactions GROUP BY week
        )
        SELECT week, dollars(loaded) AS refills, dollars(spent) AS spent,
            dollars(sum(loaded - spent) OVER (ORDER BY week)) AS float
        FROM weekly ORDER BY week DESC LIMIT 12
    """,
    "Which destinations grow?": """
        WITH latest AS (
            SELECT max(date) AS day FROM transactions
        ), zones AS (
            SELECT destination_zip[:3] AS zone,
                coalesce(sum(value) FILTER (date > day - 7), 0) AS this,
                coalesce(sum(value) FILTER (date BETWEEN day - 13 AND day - 7), 0) AS before
            FROM transactions, latest WHERE item = 'postage' GROUP BY zone
        )
        SELECT zone, dollars(this) AS last_7_days, dollars(before) AS the_7_before, dollars(this - before) AS growth
        FROM zones ORDER BY this - before DESC, zone LIMIT 10
    """,
    "What is unusual?": """
        WITH items AS (
            SELECT *, avg(value) OVER class AS mean, stddev_pop(value) OVER class AS sigma,
                count(*) OVER (PARTITION BY psd_id, content) AS alike
            FROM transactions WHERE event = 'indicium-created' WINDOW class AS (PARTITION BY item, mail_class)
        )
        SELECT CASE WHEN items.value > mean + 3 * sigma THEN 'above 3 sigma' ELSE alike || ' times the same' END AS why,
            customer, request_id, coalesce(mail_class, item) AS class, dollars(value) AS value, sequence AS record
        FROM items WHERE items.value > mean + 3 * sigma OR alike > 1
        QUALIFY row_number() OVER (PARTITION BY items.value > mean + 3 * sigma ORDER BY items.value DESC, record) <= 8
        ORDER BY why DESC, items.value DESC, record
    """,
}

TIES_OUT = """
    SELECT 'spent' AS sum, dollars((SELECT sum(value) FROM transactions WHERE event = 'indicium-created')) AS moved,
        dollars((SELECT sum(ar) FROM meters)) AS registers
    UNION ALL
    SELECT 'still held', dollars((SELECT sum(CASE event WHEN 'postage-value-downloaded' THEN value ELSE -value END)
        FROM transactions WHERE event IN ('postage-value-downloaded', 'indicium-created'))),
        dollars((SELECT sum(dr) FROM meters))
"""


def answer(folder: Path) -> str:
    """Answer the questions from an export; give its verdict."""
    manifest = json.loads((folder / "manifest.json").read_text())
    print(f"{manifest['verdict']}: {manifest['rows']}")
    for reason in manifest["reasons"]:
        print(f"  {reason}")
    with duckdb.connect() as database:
        # Mills are whole; no amount is ever a floating-point number.
        database.execute("CREATE MACRO dollars(mills) AS (coalesce(mills, 0) * 0.001::DECIMAL(4, 3))::DECIMAL(18, 3)")
        database.execute("SET TimeZone = 'UTC'")  # weeks begin where the items' days do
        for table in ("records", "transactions", "meters"):
            database.read_parquet(str(folder / f"{table}.parquet")).create_view(table)
        for question, query in QUESTIONS.items():
            show(question, database.sql(query))
        show("Do transactions and registers tie out?", database.sql(TIES_OUT))
    verdict: str = manifest["verdict"]
    return verdict


def show(question: str, found: duckdb.DuckDBPyRelation) -> None:
    rows = [["" if cell is None else str(cell) for cell in row] for row in found.fetchall()]
    widths = [max(map(len, cells)) for cells in zip(found.columns, *rows, strict=True)]
    texts = {name for name, kind in zip(found.columns, found.types, strict=True) if kind == "VARCHAR"}
    print(f"\n{question}")
    for cells in [found.columns, *rows]:
        aligned = [
            cell.ljust(width) if name in texts else cell.rjust(width)
            for cell, width, name in zip(cells, widths, found.columns, strict=True)
        ]
        print("  " + "  ".join(aligned).rstrip())
    if not rows:
        print("  (nothing)")


def main(source: Path) -> str:
    """Answer from an export, or from one made of a ledger's home, and thrown away."""
    if (source / audit.MANIFEST).exists():
        return answer(source)
    with tempfile.TemporaryDirectory() as folder, Store.open(Settings.read(source).store_url, read_only=True) as store:
        exported = Path(folder) / "export"
        export.export(store, exported, audit.keys_of(source), lambda _done, _total: None, noted=None, fresh=False)
        return answer(exported)


if __name__ == "__main__":
    try:
        sys.exit(0 if main(Path(sys.argv[1])) == "PASS" else 1)
    except IndiciumError as error:
        sys.exit(str(error))
