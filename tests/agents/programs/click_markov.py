import math
import random

import click

TEXT = """It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of
foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of Light."""


@click.command()
@click.option("--order", default=3, show_default=True, help="Length of the context.")
@click.option("--smoothing", default=0.5, type=float)
@click.option("--interpolate", default=0.6, type=float, help="Weight of the longest context.")
@click.option("--held-out", default=60, type=int, help="Characters kept for the test.")
@click.option("--verbose/--quiet", default=False)
def main(order, smoothing, interpolate, held_out, verbose):
    train, test = TEXT[:-held_out], TEXT[-held_out:]
    alphabet = sorted(set(TEXT))
    counts = {}
    for n in range(order + 1):
        for i in range(n, len(train)):
            counts.setdefault(train[i - n : i], {}).setdefault(train[i], 0)
            counts[train[i - n : i]][train[i]] += 1

    def prob(context, ch):
        seen = counts.get(context, {})
        p = (seen.get(ch, 0) + smoothing) / (sum(seen.values()) + smoothing * len(alphabet))
        return p if not context else interpolate * p + (1 - interpolate) * prob(context[1:], ch)

    bits = -sum(math.log2(prob(test[max(0, i - order) : i], test[i])) for i in range(len(test))) / len(test)
    click.echo(f"bits_per_char: {bits:.4f}")


if __name__ == "__main__":
    main()
