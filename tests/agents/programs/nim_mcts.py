import math, random

class Node:
    __slots__ = ("heap", "parent", "children", "visits", "wins")
    def __init__(self, heap, parent=None):
        self.heap, self.parent, self.children, self.visits, self.wins = heap, parent, {}, 0, 0.0

def ucb(node, child, c=1.4):
    return child.wins / (child.visits + 1e-9) + c * math.sqrt(math.log(node.visits + 1) / (child.visits + 1e-9))

def rollout(heap, rnd, greedy_prob=0.3):
    turn = 0
    while heap > 0:
        take = heap % 4 if rnd.random() < greedy_prob and heap % 4 else rnd.randint(1, min(3, heap))
        heap -= take
        turn ^= 1
    return turn

def mcts(heap, rnd, simulations=60):
    root = Node(heap)
    for _ in range(simulations):
        node, depth = root, 0
        while node.children and len(node.children) == min(3, node.heap):
            node = max(node.children.values(), key=lambda ch: ucb(node, ch))
            depth += 1
        if node.heap > 0:
            move = rnd.choice([m for m in range(1, min(3, node.heap) + 1) if m not in node.children])
            node.children[move] = Node(node.heap - move, node)
            node = node.children[move]
            depth += 1
        result = (rollout(node.heap, rnd) + depth) % 2
        while node:
            node.visits += 1
            node.wins += result if depth % 2 else 1 - result
            node, depth = node.parent, depth - 1
    return max(root.children, key=lambda m: root.children[m].visits)

def tournament(games=12, start_heap=15, seed=8):
    rnd = random.Random(seed)
    won = 0
    for g in range(games):
        heap, turn = start_heap, g % 2
        while heap > 0:
            heap -= mcts(heap, rnd) if turn == 0 else rnd.randint(1, min(3, heap))
            turn ^= 1
        won += turn == 1
    return won / games

print("win rate", tournament())
