"""Online bin packing: the heuristic scores the bins for an item."""
import random


# EVOLVE-BLOCK-START
def score(item, remaining, capacity):
    """Higher is better; the item goes into the bin with the highest score."""
    left = remaining - item
    fullness = 1.0 - left / capacity
    waste_penalty = 0.35
    if left < 0.05 * capacity:
        return 2.5 * fullness
    return fullness - waste_penalty * (left / capacity) ** 1.5
# EVOLVE-BLOCK-END


def pack(items, capacity=100):
    bins = []
    for item in items:
        fits = [i for i, r in enumerate(bins) if r >= item]
        if fits:
            best = max(fits, key=lambda i: score(item, bins[i], capacity))
            bins[best] -= item
        else:
            bins.append(capacity - item)
    return len(bins)


def run_experiment():
    rng = random.Random(2024)
    total = 0
    bound = 0.0
    for _ in range(8):
        items = [rng.randint(10, 65) for _ in range(120)]
        total += pack(items)
        bound += sum(items) / 100
    return bound / total


if __name__ == "__main__":
    print("efficiency:", run_experiment())
