"""Connect four: alpha-beta player against a random one. Prints the share of wins."""
import random

ROWS, COLS = 6, 7
DEPTH = 2
CENTER_WEIGHT = 3
THREE_SCORE = 5.0
TWO_SCORE = 2.0
OPPONENT_THREE_PENALTY = 4.0
WIN_SCORE = 10**6
N_GAMES = 4

def windows():
    for r in range(ROWS):
        for c in range(COLS):
            for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
                cells = [(r + i * dr, c + i * dc) for i in range(4)]
                if all(0 <= a < ROWS and 0 <= b < COLS for a, b in cells):
                    yield cells

WINDOWS = list(windows())

def winner(board):
    for cells in WINDOWS:
        vals = {board.get(x) for x in cells}
        if len(vals) == 1 and None not in vals:
            return vals.pop()
    return None

def evaluate(board, me):
    value = CENTER_WEIGHT * sum(1 for r in range(ROWS) if board.get((r, COLS // 2)) == me)
    for cells in WINDOWS:
        vals = [board.get(x) for x in cells]
        mine, free = vals.count(me), vals.count(None)
        if mine == 3 and free == 1:
            value += THREE_SCORE
        elif mine == 2 and free == 2:
            value += TWO_SCORE
        elif mine == 0 and free == 1:
            value -= OPPONENT_THREE_PENALTY
    return value

def drop(board, col, who):
    for r in range(ROWS):
        if (r, col) not in board:
            return {**board, (r, col): who}
    return None

def search(board, depth, who, me, alpha, beta):
    won = winner(board)
    if won:
        return WIN_SCORE if won == me else -WIN_SCORE
    moves = [c for c in range(COLS) if (ROWS - 1, c) not in board]
    if depth == 0 or not moves:
        return evaluate(board, me)
    best = -2 * WIN_SCORE if who == me else 2 * WIN_SCORE
    for c in moves:
        v = search(drop(board, c, who), depth - 1, 3 - who, me, alpha, beta)
        if who == me:
            best = max(best, v); alpha = max(alpha, v)
        else:
            best = min(best, v); beta = min(beta, v)
        if beta <= alpha:
            break
    return best

def play(rnd):
    board, who = {}, 1
    while winner(board) is None and any((ROWS - 1, c) not in board for c in range(COLS)):
        moves = [c for c in range(COLS) if (ROWS - 1, c) not in board]
        if who == 1:
            col = max(moves, key=lambda c: search(drop(board, c, 1), DEPTH - 1, 2, 1, -WIN_SCORE, WIN_SCORE))
        else:
            col = rnd.choice(moves)
        board, who = drop(board, col, who), 3 - who
    return winner(board) == 1, len(board)

if __name__ == "__main__":
    results = [play(random.Random(100 + g)) for g in range(N_GAMES)]
    print("win_rate:", sum(r[0] for r in results) / N_GAMES)
    print("mean_moves:", sum(r[1] for r in results) / N_GAMES)
