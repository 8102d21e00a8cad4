// Clicks are sent one after the other, in the order they were made, and a
// request is repeated until somebody answers it.

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// refuse makes what an attempt throws when the answer is no: asking again would
// not help. Its fields say why.
export const refuse = (why) => Object.assign(new Error(why.error ?? "refused"), why, { refused: true });

// patiently repeats an attempt until it gives an answer or throws a refusal.
// Whatever else it throws means that nobody answered. Pauses between attempts
// are first ms long, then twice the one before, up to longest ms. away is told
// the error when nobody answered, and null when somebody did.
export async function patiently(attempt, { first, longest = first, away = () => {}, pause = sleep }) {
  for (let ms = first; ; ms = Math.min(2 * ms, longest)) {
    try {
      const answer = await attempt();
      away(null);
      return answer;
    } catch (err) {
      away(err.refused ? null : err);
      if (err.refused) throw err;
      await pause(ms);
    }
  }
}

// openQueue sends clicks. send promises the answer to one, or throws a refusal;
// stored is told of a click with its answer, refused of a click with its
// refusal, and both may wait for something, or drop what is left. changed is
// told whenever the queue has changed.
export function openQueue({ send, stored, refused, changed }) {
  const clicks = []; // not yet stored, oldest first
  let sending = false;

  async function run() {
    if (sending) return;
    sending = true;
    try {
      while (clicks.length) {
        const click = clicks[0];
        let answer, refusal = null;
        try {
          answer = await send(click);
        } catch (err) {
          refusal = err;
        }
        if (clicks[0] === click) clicks.shift(); // unless it was dropped meanwhile
        await (refusal ? refused(click, refusal) : stored(click, answer));
        changed();
      }
    } finally {
      sending = false;
    }
    changed();
  }

  return {
    // push adds a click and returns when the queue is empty again.
    push(click) {
      clicks.push(click);
      changed();
      return run();
    },
    // keep drops the clicks of which keep(click) is false.
    keep(keep) { clicks.splice(0, clicks.length, ...clicks.filter(keep)); },
    drop() { clicks.length = 0; },
    waiting: () => [...clicks],
    get length() { return clicks.length; },
    get sending() { return sending; },
  };
}
