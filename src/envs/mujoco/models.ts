/** MJCF models of our own for the tasks of `tasks/mujoco.ts`: shapes as in Gymnasium's, all numbers ours. Meters, kg. */
import type { MujocoModel } from "./engine.ts";

interface Physics {
  readonly timestep: number;
  /** Defaults of joints, geoms and motors. */
  readonly joint: string;
  readonly geom: string;
  readonly ground?: boolean;
}

const ground = `<geom name="ground" type="plane" size="50 50 1" conaffinity="1" friction="0.9 0.1 0.1"/>`;

const model = (
  { timestep, joint, geom, ground: has = true }: Physics,
  body: string,
  motors: string,
): MujocoModel => ({
  xml: `<mujoco>
  <option timestep="${timestep}"/>
  <default>
    <joint ${joint}/>
    <geom ${geom}/>
    <motor ctrllimited="true" ctrlrange="-1 1"/>
  </default>
  <worldbody>${has ? ground : ""}${body}</worldbody>
  <actuator>${motors}</actuator>
</mujoco>`,
});

const motors = (gears: Readonly<Record<string, number>>, more = ""): string =>
  Object.entries(gears)
    .map(([joint, gear]) => `<motor name="${joint}" joint="${joint}" gear="${gear}" ${more}/>`)
    .join("");

/** Motion in the plane y = 0, so that qpos0, 1 and 2 are x, height and pitch. */
const planar = (height: number): string => `
  <joint name="x" type="slide" axis="1 0 0" damping="0" armature="0" stiffness="0" limited="false"/>
  <joint name="z" type="slide" axis="0 0 1" ref="${height}" damping="0" armature="0" stiffness="0" limited="false"/>
  <joint name="pitch" type="hinge" axis="0 1 0" damping="0" armature="0" stiffness="0" limited="false"/>`;

const bone = (to: string, radius: number, more = ""): string =>
  `<geom type="capsule" fromto="0 0 0 ${to}" size="${radius}" ${more}/>`;

const pendulumPhysics = {
  joint: `armature="0.01" damping="0.05"`,
  geom: `contype="0" conaffinity="0" density="800"`,
  ground: false,
};
const cart = (poles: string): string => `
  <geom name="rail" type="capsule" fromto="-1.2 0 0 1.2 0 0" size="0.015"/>
  <body name="cart">
    <joint name="slider" type="slide" axis="1 0 0" limited="true" range="-1.2 1.2"/>
    <geom type="box" size="0.12 0.06 0.05" mass="3"/>${poles}
  </body>`;

export const invertedPendulum = model(
  { timestep: 0.02, ...pendulumPhysics },
  cart(
    `<body name="pole"><joint name="hinge" type="hinge" axis="0 1 0"/>${bone("0 0 0.7", 0.03)}</body>`,
  ),
  motors({ slider: 30 }, `ctrlrange="-3 3"`),
);

export const doublePendulum = model(
  { timestep: 0.01, ...pendulumPhysics },
  cart(`<body name="lower">
    <joint name="hinge" type="hinge" axis="0 1 0"/>${bone("0 0 0.6", 0.03)}
    <body name="upper" pos="0 0 0.6">
      <joint name="elbow" type="hinge" axis="0 1 0"/>${bone("0 0 0.6", 0.03)}
      <site name="tip" pos="0 0 0.6"/>
    </body>
  </body>`),
  motors({ slider: 150 }),
);

/** Legs touch the ground, not each other. */
const walking = `contype="1" conaffinity="0" density="900" friction="1 0.1 0.1"`;

const shank = (side: string, foot: string): string => `
  <body name="${side}thigh" pos="0 0 -0.22">
    <joint name="${side}hip" type="hinge" axis="0 -1 0" range="-140 10"/>${bone("0 0 -0.42", 0.05)}
    <body name="${side}shin" pos="0 0 -0.42">
      <joint name="${side}knee" type="hinge" axis="0 -1 0" range="-140 0"/>${bone("0 0 -0.48", 0.04)}
      <body name="${side}foot" pos="0 0 -0.48">
        <joint name="${side}ankle" type="hinge" axis="0 -1 0" range="-45 45"/>${foot}
      </body>
    </body>
  </body>`;
const torso = `<geom type="capsule" fromto="0 0 -0.2 0 0 0.2" size="0.05"/>`;

export const hopper = model(
  { timestep: 0.002, joint: `limited="true" armature="0.2" damping="0.6"`, geom: walking },
  `<body name="torso" pos="0 0 1.19">${planar(1.19)}${torso}
    ${shank("", `<geom type="capsule" fromto="-0.09 0 0 0.2 0 0" size="0.06" friction="2 0.1 0.1"/>`)}
  </body>`,
  motors({ hip: 180, knee: 180, ankle: 180 }),
);

const sole = `<geom type="capsule" fromto="-0.03 0 0 0.2 0 0" size="0.06" friction="1.5 0.1 0.1"/>`;
export const walker = model(
  { timestep: 0.002, joint: `limited="true" armature="0.02" damping="0.12"`, geom: walking },
  `<body name="torso" pos="0 0 1.19">${planar(1.19)}${torso}${shank("", sole)}${shank("left ", sole)}</body>`,
  motors({ hip: 90, knee: 90, ankle: 90, "left hip": 90, "left knee": 90, "left ankle": 90 }),
);

interface Leg {
  readonly at: string;
  readonly bones: readonly string[];
  readonly ranges: readonly string[];
  readonly stiffness: number;
}
const names = ["thigh", "shin", "foot"];
function leg(side: string, { at, bones, ranges, stiffness }: Leg): string {
  let body = "";
  for (let i = 2; i >= 0; i--)
    body = `<body name="${side} ${names[i]}" pos="${i === 0 ? at : bones[i - 1]}">
      <joint name="${side} ${names[i]}" type="hinge" axis="0 1 0" range="${ranges[i]}" stiffness="${stiffness * (1 - i / 4)}" damping="${(stiffness * (1 - i / 4)) / 40}"/>
      ${bone(bones[i], 0.045)}${body}</body>`;
  return body;
}
export const cheetah = model(
  { timestep: 0.01, joint: `limited="true" armature="0.1"`, geom: `${walking} solref="0.02 1"` },
  `<body name="torso" pos="0 0 0.66">${planar(0)}
    <geom type="capsule" fromto="-0.5 0 0 0.5 0 0" size="0.05"/>
    <geom name="head" type="capsule" fromto="0.52 0 0.04 0.68 0 0.16" size="0.05"/>
    ${leg("back", { at: "-0.5 0 0", bones: ["0.14 0 -0.26", "-0.2 0 -0.2", "0.14 0 -0.12"], ranges: ["-30 60", "-45 45", "-25 45"], stiffness: 220 })}
    ${leg("front", { at: "0.5 0 0", bones: ["-0.1 0 -0.26", "0.1 0 -0.2", "0.12 0 -0.11"], ranges: ["-60 40", "-65 50", "-30 30"], stiffness: 170 })}
  </body>`,
  motors({
    "back thigh": 120,
    "back shin": 90,
    "back foot": 60,
    "front thigh": 110,
    "front shin": 70,
    "front foot": 35,
  }),
);

const quarter = (index: number): string => {
  const [x, y] = [index === 0 || index === 3 ? 1 : -1, index < 2 ? 1 : -1];
  const knees = x * y > 0 ? "-1 1 0" : "1 1 0";
  const bend = x * y > 0 ? (x > 0 ? "30 75" : "-75 -30") : x > 0 ? "30 75" : "-75 -30";
  return `<body name="stub ${index + 1}">${bone(`${0.18 * x} ${0.18 * y} 0`, 0.07)}
    <body name="upper ${index + 1}" pos="${0.18 * x} ${0.18 * y} 0">
      <joint name="hip ${index + 1}" type="hinge" axis="0 0 1" range="-35 35"/>${bone(`${0.2 * x} ${0.2 * y} 0`, 0.07)}
      <body name="lower ${index + 1}" pos="${0.2 * x} ${0.2 * y} 0">
        <joint name="ankle ${index + 1}" type="hinge" axis="${knees}" range="${bend}"/>${bone(`${0.38 * x} ${0.38 * y} 0`, 0.07)}
      </body>
    </body>
  </body>`;
};
export const ant = model(
  {
    timestep: 0.01,
    joint: `limited="true" armature="1" damping="1"`,
    geom: `contype="1" conaffinity="0" density="6" friction="1 0.5 0.5"`,
  },
  `<body name="torso" pos="0 0 0.7"><freejoint name="root"/><geom type="sphere" size="0.24"/>${[0, 1, 2, 3].map(quarter).join("")}</body>`,
  motors(
    Object.fromEntries(
      [1, 2, 3, 4].flatMap((i) => [
        [`hip ${i}`, 140],
        [`ankle ${i}`, 140],
      ]),
    ),
  ),
);

const hinge = (name: string, axis: string, range: string, stiffness = 8): string =>
  `<joint name="${name}" type="hinge" axis="${axis}" range="${range}" stiffness="${stiffness}"/>`;
const humanLeg = (side: string, y: number): string => `
  <body name="${side} thigh" pos="0 ${y} -0.05">
    ${hinge(`${side} hip x`, `${Math.sign(y)} 0 0`, "-10 25")}${hinge(`${side} hip z`, `0 0 ${Math.sign(y)}`, "-35 35")}${hinge(`${side} hip y`, "0 1 0", "-110 20", 15)}
    ${bone("0 0 -0.38", 0.06)}
    <body name="${side} shin" pos="0 0 -0.4">
      ${hinge(`${side} knee`, "0 1 0", "0 140", 1)}${bone("0 0 -0.34", 0.05)}
      <body name="${side} foot" pos="0 0 -0.4"><geom type="box" pos="0.04 0 0" size="0.11 0.05 0.04"/></body>
    </body>
  </body>`;
const arm = (side: string, y: number): string => `
  <body name="${side} upper arm" pos="0 ${1.9 * y} 0.05">
    ${hinge(`${side} shoulder x`, `${Math.sign(y)} 0 0`, "-20 90", 2)}${hinge(`${side} shoulder y`, "0 1 0", "-90 60", 2)}${bone(`0 ${0.4 * y} -0.24`, 0.04)}
    <body name="${side} lower arm" pos="0 ${0.4 * y} -0.26">${hinge(`${side} elbow`, "0 1 0", "-110 0", 2)}${bone("0.04 0 -0.22", 0.035)}</body>
  </body>`;
export const humanoid = model(
  {
    timestep: 0.003,
    joint: `limited="true" armature="0.01" damping="2"`,
    geom: `contype="1" conaffinity="0" density="950" friction="1 0.1 0.1"`,
  },
  `<body name="torso" pos="0 0 1.4">
    <joint name="root" type="free" limited="false" armature="0" damping="0" stiffness="0"/>
    <geom type="capsule" fromto="0 -0.09 0 0 0.09 0" size="0.08"/><geom name="head" type="sphere" pos="0 0 0.22" size="0.1"/>
    <body name="waist" pos="0 0 -0.22">
      ${hinge("waist z", "0 0 1", "-40 40", 20)}${hinge("waist y", "0 1 0", "-60 30", 20)}
      <geom type="capsule" fromto="0 -0.06 0 0 0.06 0" size="0.07"/>
      <body name="pelvis" pos="0 0 -0.18">
        ${hinge("waist x", "1 0 0", "-30 30", 20)}<geom type="capsule" fromto="0 -0.07 0 0 0.07 0" size="0.09"/>
        ${humanLeg("right", -0.1)}${humanLeg("left", 0.1)}
      </body>
    </body>
    ${arm("right", -0.1)}${arm("left", 0.1)}
  </body>`,
  motors(
    {
      ...{ "waist y": 100, "waist z": 100, "waist x": 100 },
      ...{ "right hip x": 100, "right hip z": 100, "right hip y": 260, "right knee": 180 },
      ...{ "left hip x": 100, "left hip z": 100, "left hip y": 260, "left knee": 180 },
      ...{ "right shoulder x": 30, "right shoulder y": 30, "right elbow": 30 },
      ...{ "left shoulder x": 30, "left shoulder y": 30, "left elbow": 30 },
    },
    `ctrlrange="-0.4 0.4"`,
  ),
);
