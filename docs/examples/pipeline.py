from onelook import OneShotClassifier, sample

pictures = [sample.catalog() / f"{name}.png" for name in ("fox", "crab", "airplane")]
classifier = OneShotClassifier(unknown="?").fit(pictures, ["fox", "crab", "airplane"])
queries = [sample.queries() / "crab.png", sample.queries() / "fox.png"]
print(*classifier.predict(queries))
