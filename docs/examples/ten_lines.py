from onelook import Recognizer, sample

with Recognizer.open("shop.gallery", create=True) as recognizer:
    report = recognizer.enroll_catalog(sample.catalog())  # a folder: files are named as classes
    print(report.added, "classes of one picture each")
    fox = recognizer.recognize(sample.queries() / "fox.png")  # drawn by another hand
    print(fox.label, f"{fox.score:.1f}, threshold {fox.threshold:.1f}")
    for candidate in recognizer.nearest(sample.queries() / "fox.png", k=2):
        print("-", candidate.label, f"{candidate.similarity:.1f}")
    stranger = recognizer.recognize(sample.strangers() / "avocado.png")
    print(stranger.label, "- nearest, but not near enough:", stranger.candidates[0].label)
