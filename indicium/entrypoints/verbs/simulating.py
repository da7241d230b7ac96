"""The verb that runs the ledger in a simulated world, and runs any such world again."""

from typing import Annotated

import typer

from indicium.entrypoints.options import JsonOption
from indicium.entrypoints.screen import Screen


def simulate(
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which world: all that happens in it comes from this.")],
    steps: Annotated[int, typer.Option("--steps", min=1, help="How long it runs.")] = 500,
    json: JsonOption = False,
) -> None:
    """Run the real ledger on a simulated machine that fails in every way, and judge what came of it.

    The same seed and steps give the same chain, hash for hash. Exit status: 0 every promise was kept, 1 one was broken.
    """
    from indicium.simulator.run import Failed, run  # no other verb needs the world

    screen = Screen(json=json)
    try:
        result = run(seed, steps)
    except Failed as failed:
        screen.show({"error": "promise-broken", "sentence": str(failed)})
        typer.echo(str(failed), err=True)
        raise typer.Exit(1) from None
    screen.say(f"[green bold]KEPT[/] {result.transactions} transactions, {result.faults.total()} faults")
    for name, count in result.faults.most_common():
        screen.plain(f"  {count:5}  {name}")
    for what, counted in (("refused meanwhile", result.refused), ("the officer recovered", result.recovered)):
        screen.plain(f"  {what}: {', '.join(f'{name} {n}' for name, n in sorted(counted.items())) or 'nothing'}")
    screen.plain(f"  head: {result.head}")
    screen.show(
        {
            "seed": seed,
            "steps": steps,
            "head": result.head,
            "transactions": result.transactions,
            "faults": result.faults,
            "refused": result.refused,
            "recovered": result.recovered,
            "struck": result.seams,
        }
    )
