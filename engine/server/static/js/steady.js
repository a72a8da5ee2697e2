// A verdict over the frames of a moving camera that doesn't flicker.

const LAST = 6;
const AGREEING = 3;

/** Takes one frame's label (null: unknown) at a time, and says what stands.
 *
 * A name stands once 3 of the last 6 frames agree on it and no other name has as many; it stands
 * until another one does, or until none of the last 6 frames says it any more.
 */
export function steady() {
  let last = [];
  let standing = null;
  return (label) => {
    last = [...last, label].slice(-LAST);
    const votes = new Map();
    for (const one of last) if (one !== null) votes.set(one, (votes.get(one) ?? 0) + 1);
    const [first, second] = [...votes].sort((a, b) => b[1] - a[1]);
    if (first && first[1] >= AGREEING && first[1] > (second?.[1] ?? 0)) standing = first[0];
    else if (standing !== null && last.length === LAST && !votes.has(standing)) standing = null;
    return standing;
  };
}
