import random, sys

WIDTH, HEIGHT = 8, 8
MAX_TURNS = 200

FOOD_PULL = 3.0
WALL_FEAR = 0.8
TAIL_FOLLOW = 0.4
SPACE_VALUE = 0.05

def neighbours(p):
    x, y = p
    return [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]

def free(p, snake):
    return 0 <= p[0] < WIDTH and 0 <= p[1] < HEIGHT and p not in snake

def flood(p, snake, cap=30):
    seen, todo = {p}, [p]
    while todo and len(seen) < cap:
        for q in neighbours(todo.pop()):
            if q not in seen and free(q, snake):
                seen.add(q)
                todo.append(q)
    return len(seen)

def appeal(p, snake, food):
    d = abs(p[0] - food[0]) + abs(p[1] - food[1])
    wall = (p[0] in (0, WIDTH - 1)) + (p[1] in (0, HEIGHT - 1))
    tail = abs(p[0] - snake[-1][0]) + abs(p[1] - snake[-1][1])
    return -FOOD_PULL * d - WALL_FEAR * wall - TAIL_FOLLOW * tail + SPACE_VALUE * flood(p, snake)

def game(rng):
    snake, eaten = [(4, 4)], 0
    food = (1, 6)
    for turn in range(MAX_TURNS):
        options = [p for p in neighbours(snake[0]) if free(p, snake[:-1])]
        if not options:
            break
        best = max(options, key=lambda p: appeal(p, snake, food))
        snake.insert(0, best)
        if best == food:
            eaten += 1
            spots = [(x, y) for x in range(WIDTH) for y in range(HEIGHT) if (x, y) not in snake]
            food = rng.choice(spots)
        else:
            snake.pop()
    return eaten

if __name__ == "__main__":
    games = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    print("average_food", sum(game(random.Random(50 + g)) for g in range(games)) / games)
