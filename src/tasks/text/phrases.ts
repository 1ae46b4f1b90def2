/** Small sentences of our own, put together from parts: something to read where no corpus is installed. */
const people =
  "the baker, the old sailor, my sister, a young nurse, the tired clerk, our neighbor, the painter, a lost tourist".split(
    ", ",
  );
const acts =
  "walked home, opened the letter, waited for the train, cooked some soup, looked at the sea, told a story, cleaned the window, answered the phone".split(
    ", ",
  );
const moods =
  "with a happy smile, and felt wonderful, and was very glad, with great joy, and loved it, with a sad face, and felt terrible, and was angry, in bad pain, and hated it, as on any day, without a word, in the rain, after lunch".split(
    ", ",
  );

/** Every sentence of person, act and mood. */
export const sentences: readonly string[] = people.flatMap((who) =>
  acts.flatMap((act) => moods.map((mood) => `${who} ${act} ${mood}.`)),
);

/** Valences of words of ours, −3 to 3. */
export const valences: Readonly<Record<string, number>> = {
  happy: 3,
  smile: 2,
  wonderful: 3,
  glad: 3,
  joy: 3,
  great: 2,
  loved: 3,
  sad: -2,
  terrible: -3,
  angry: -3,
  bad: -3,
  pain: -2,
  hated: -3,
  lost: -1,
  tired: -1,
};

/** A story of two sentences, and who did what: what a headline says of it. */
export const stories: readonly { readonly text: string; readonly headline: string }[] =
  people.flatMap((who, i) =>
    acts.flatMap((act, j) =>
      moods.map((mood, m) => {
        const other = people[(i + j + m + 1) % people.length];
        const later = acts[(j + m + 1) % acts.length];
        const name = who.split(" ").at(-1) as string;
        return {
          text: `${who} ${act} ${mood}. ${other} ${later}.`,
          headline: `${name} ${act}`,
        };
      }),
    ),
  );
