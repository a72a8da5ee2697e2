// A verdict over the frames of a moving camera that doesn't flicker.

const LAST = 5;
const AGREEING = 3;
const SILENT = 2000;

/** Takes a frame's label (null: unknown) and its moment in milliseconds at a time, and says what stands.
 *
 * A name stands once 3 of the last 5 frames agree on it; it stands until another one does, or until
 * three frames in a row, over two seconds or more, have not said it.
 */
export function steady() {
  let last = [];
  let standing = null;
  let said = 0; // when a frame last said what stands
  return (label, moment) => {
    last = [...last, label].slice(-LAST);
    const agreeing = last.filter((one) => one === label).length;
    if (label !== null && agreeing >= AGREEING) standing = label;
    if (label === standing) said = moment;
    else if (!last.slice(-AGREEING).includes(standing) && moment - said >= SILENT) standing = null;
    return standing;
  };
}
