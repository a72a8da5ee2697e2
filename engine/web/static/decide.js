// From embeddings to a decision, as the library decides without local features:
// engine.gallery.snapshot.ranking, engine.gallery.deciding (decisions, closely, refusing),
// engine.decision.scores and engine.decision.rule say why.

const NEIGHBOURS = 50, SOFTENING = 0.05, CLASS_WEIGHT = 0.2, LEAD_WEIGHT = 2;
const TRUSTED = 10, PRIOR_MEAN = 0.5, PRIOR_STD = 0.1, PRIOR_WEIGHT = 3;
const TOP = 60, MIDDLE = 5, WIDTH = 2.5, SAME_PICTURE = 0.999, ITSELF = 0.9999;
const AMBIGUOUS_MARGIN = 0.02, NEARER = 0.5, CLEAR = 2;

export class Gallery {
  // `described` is gallery.json; `vectors` an Int8Array; `projection` a Float32Array or null.
  constructor(described, vectors, projection) {
    this.described = described;
    this.vectors = vectors;
    this.projection = projection;
    const dimension = described.dimension;
    this.scales = Float64Array.from({ length: vectors.length / dimension }, (_, row) => {
      let sum = 0;
      for (let i = row * dimension; i < (row + 1) * dimension; i++) sum += vectors[i] * vectors[i];
      return 1 / Math.sqrt(sum);
    });
  }

  // `whole` is what the network says of a picture; `closer`, if given, gives what it says of the
  // picture's middle, and is asked only where the whole doesn't settle what the picture shows.
  async decide(whole, closer = null) {
    const look = this.projected(unit(whole));
    const decision = this.judged([look]);
    if (closer === null || decision.clear) return decision;
    return this.judged([look, this.projected(unit(await closer()))]);
  }

  // A class is as similar to a picture as to the more similar of the looks at it: of the whole and,
  // if there are two, of the middle.
  judged(looks) {
    const { classes, examples, shipped, counterexamples, level } = this.described;
    const most = (row) => Math.max(...looks.map((look) => this.similarity(look, row)));
    const [ofWhole, ofMiddle] = looks.map((look) => this.nearest(look));
    const best = ofMiddle ? ofWhole.map((similarity, place) => Math.max(similarity, ofMiddle[place])) : ofWhole;
    const refusing = new Set(counterexamples.filter((owner, i) =>
      1 - most(examples.length + shipped + i) < NEARER * (1 - best[owner])));
    const order = Array.from(best.keys()).filter((place) => !refusing.has(place)).sort((a, b) => best[b] - best[a]);
    if (!order.length) {
      return { label: null, known: false, clear: false, byMiddle: false, similarity: null, score: 0, threshold: onScale(level), strangerRate: 1, ambiguous: false, candidates: [] };
    }
    const similarities = order.map((place) => best[place]);
    const impostors = Array.from({ length: shipped }, (_, i) => Math.max(
      ...looks.map((look) => this.similarity(look, examples.length + i)).filter((similarity) => similarity < ITSELF),
    )).filter(Number.isFinite);
    const first = classes[order[0]], s = similarities[0];
    const others = similarities.slice(1, NEIGHBOURS + 1);
    const around = moments([...others, ...impostors]);
    const rival = others.length ? others[0] : impostors.length ? Math.max(...impostors) : PRIOR_MEAN;
    const z = (s - around.mean + LEAD_WEIGHT * (s - rival)) / around.std
      + (CLASS_WEIGHT * (s - first.mean)) / first.std;
    const reached = s >= SAME_PICTURE ? TOP : Math.min(Math.max(z, -TOP), TOP - 1);
    const needed = first.pin === null ? Math.min(level, TOP) : offScale(first.pin);
    const known = reached >= needed;
    const ambiguous = others.length > 0 && s - others[0] < AMBIGUOUS_MARGIN;
    return {
      label: known ? first.label : null,
      known,
      clear: reached - needed >= CLEAR && !ambiguous,
      byMiddle: ofMiddle !== undefined && ofMiddle[order[0]] > ofWhole[order[0]],
      similarity: s,
      score: onScale(reached),
      threshold: first.pin === null ? onScale(level) : first.pin,
      strangerRate: this.strangerRate(reached),
      ambiguous,
      candidates: order.slice(0, 5).map((place) => ({
        place, label: classes[place].label, similarity: best[place], attributes: classes[place].attributes,
      })),
    };
  }

  // The similarity of a look to each class's best example.
  nearest(look) {
    const found = new Float64Array(this.described.classes.length).fill(-Infinity);
    this.described.examples.forEach((owner, row) => { found[owner] = Math.max(found[owner], this.similarity(look, row)); });
    return found;
  }

  similarity(look, row) {
    const dimension = look.length, vectors = this.vectors;
    let sum = 0;
    for (let i = 0, at = row * dimension; i < dimension; i++, at++) sum += look[i] * vectors[at];
    return sum * this.scales[row];
  }

  projected(embedding) {
    if (this.projection === null) return embedding;
    const { embedding: length, dimension } = this.described;
    const found = new Float64Array(dimension);
    for (let i = 0; i < length; i++) {
      const value = embedding[i] - this.projection[i];
      for (let j = 0, at = length + i * dimension; j < dimension; j++, at++) found[j] += value * this.projection[at];
    }
    return unit(found);
  }

  strangerRate(z) {
    const { from, step, logarithms } = this.described.rates;
    const place = Math.min(Math.max((z - from) / step, 0), logarithms.length - 1);
    const below = Math.floor(place), above = Math.min(below + 1, logarithms.length - 1);
    return Math.exp(logarithms[below] + (place - below) * (logarithms[above] - logarithms[below]));
  }
}

function unit(vector) {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return Float64Array.from(vector, (value) => value / norm);
}

function moments(similarities) {
  const rows = similarities.sort((a, b) => b - a).slice(0, NEIGHBOURS);
  const weight = rows.length < TRUSTED ? PRIOR_WEIGHT : 0, total = rows.length + weight;
  const mean = (rows.reduce((sum, value) => sum + value, 0) + weight * PRIOR_MEAN) / total;
  const spread = rows.reduce((sum, value) => sum + (value - mean) ** 2, 0)
    + weight * (PRIOR_STD ** 2 + (PRIOR_MEAN - mean) ** 2);
  return { mean, std: Math.sqrt(spread / total) + SOFTENING };
}

function onScale(z) {
  return z >= TOP ? 1 : 1 / (1 + Math.exp(-(z - MIDDLE) / WIDTH));
}

function offScale(score) {
  return Math.min(Math.max(MIDDLE + WIDTH * (Math.log(score) - Math.log1p(-score)), -TOP), TOP);
}
