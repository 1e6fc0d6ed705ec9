import json, math, socket, sys, time, urllib.request

port = int(sys.argv[1])
limit = time.monotonic() + 60
while True:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        break
    except OSError:
        if time.monotonic() > limit:
            sys.exit("the embed demo did not open its port within 60 seconds")
        time.sleep(0.1)

texts = ["A man is eating food.", "A man eats a meal.", "The stock market fell."]
request = urllib.request.Request(
    f"http://127.0.0.1:{port}/",
    json.dumps({"texts": texts}).encode(),
    {"content-type": "application/json"},
)
answer = json.load(urllib.request.urlopen(request, timeout=60))
vectors = answer["embeddings"]


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


near, far = cosine(vectors[0], vectors[1]), cosine(vectors[0], vectors[2])
if not (len(vectors[0]) == 384 and near > 0.85 and far < 0.3):
    sys.exit(f"wrong embeddings: {len(vectors[0])} dimensions, cosines {near:.3f} and {far:.3f}")
print(f"{len(vectors[0])} dimensions, cosine {near:.3f} of two like sentences and {far:.3f} of two unlike ones")
