import numpy as np

SAMPLE_RATE = 8000
FRAME_MS = 25
HOP_MS = 10
ENERGY_THRESHOLD_DB = 6.0
HANGOVER_FRAMES = 4
SMOOTHING_ALPHA = 0.6
NOISE_FLOOR_PERCENTILE = 15

def make_audio(seconds=6, snr=0.5, seed=2):
    g = np.random.default_rng(seed)
    t = np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE
    speech = (np.sin(2 * np.pi * 0.4 * t) > 0.2)
    tone = np.sin(2 * np.pi * 180 * t) * speech
    return tone * snr + 0.1 * g.standard_normal(t.size), speech

def vad(x):
    frame, hop = SAMPLE_RATE * FRAME_MS // 1000, SAMPLE_RATE * HOP_MS // 1000
    e = np.array([10 * np.log10(np.mean(x[i:i + frame] ** 2) + 1e-10) for i in range(0, len(x) - frame, hop)])
    for i in range(1, len(e)):
        e[i] = SMOOTHING_ALPHA * e[i - 1] + (1 - SMOOTHING_ALPHA) * e[i]
    active = e > np.percentile(e, NOISE_FLOOR_PERCENTILE) + ENERGY_THRESHOLD_DB
    out, hang = active.copy(), 0
    for i, a in enumerate(active):
        hang = HANGOVER_FRAMES if a else max(0, hang - 1)
        out[i] = a or hang > 0
    return out, hop, frame

audio, truth = make_audio()
decision, hop, frame = vad(audio)
ref = np.array([truth[i * hop + frame // 2] for i in range(len(decision))])
print("frame_error_rate=%.4f" % np.mean(decision != ref))
