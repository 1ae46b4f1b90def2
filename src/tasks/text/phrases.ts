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

const nouns =
  "dog:der Hund, cat:die Katze, child:das Kind, man:der Mann, woman:die Frau, bird:der Vogel, horse:das Pferd, girl:das Mädchen, boy:der Junge, friend:der Freund, teacher:der Lehrer, cow:die Kuh".split(
    ", ",
  );
const adjectives =
  "small:kleine, old:alte, young:junge, tired:müde, clever:kluge, friendly:freundliche, strange:fremde, thin:dünne".split(
    ", ",
  );
const verbs =
  "sleeps:schläft, waits:wartet, runs:läuft, eats:isst, drinks:trinkt, sings:singt, comes:kommt, dreams:träumt".split(
    ", ",
  );
const places =
  "in the garden:im Garten, at home:zu Hause, by the river:am Fluss, after the rain:nach dem Regen".split(
    ", ",
  );

/** English sentences and the German ones that say the same. */
export const translations: readonly { readonly english: string; readonly german: string }[] =
  nouns.flatMap((noun) =>
    adjectives.flatMap((adjective) =>
      verbs.flatMap((verb) =>
        places.map((place) => {
          const [[n, gn], [a, ga], [v, gv], [p, gp]] = [noun, adjective, verb, place].map((pair) =>
            pair.split(":"),
          );
          const [article, name] = gn.split(" ");
          return {
            english: `the ${a} ${n} ${v} ${p}`,
            german: `${article} ${ga} ${name} ${gv} ${gp}`,
          };
        }),
      ),
    ),
  );
