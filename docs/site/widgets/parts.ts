/** What the widgets are made of: sliders, numbers that follow them, and charts that take the site's colors. */
import { charts, type Panel } from "../../figures/svg.ts";

export interface Slider {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly value: number;
  /** How a value reads, such as a power of two. Default: as it is. */
  readonly shown?: (value: number) => string;
}

/** Puts sliders in an element and calls `changed` with all their values, at once and whenever one moves. */
export function sliders(
  into: HTMLElement,
  wanted: readonly Slider[],
  changed: (values: readonly number[]) => void,
): void {
  const inputs = wanted.map(({ label, min, max, step, value, shown = String }) => {
    const [row, input, output] = ["label", "input", "output"].map((tag) =>
      document.createElement(tag),
    ) as [HTMLLabelElement, HTMLInputElement, HTMLOutputElement];
    Object.assign(input, { type: "range", min, max, step, value }); // the range first, then the value in it
    input.value = String(value);
    const show = (): void => {
      output.textContent = shown(Number(input.value));
    };
    show();
    input.addEventListener("input", () => {
      show();
      changed(inputs.map((one) => Number(one.value)));
    });
    row.append(label, input, output);
    into.append(row);
    return input;
  });
  changed(inputs.map((one) => Number(one.value)));
}

/** Draws panels into an element, in place of what it showed, in the site's own colors (widgets.css). */
export function drawCharts(into: HTMLElement, label: string, panels: readonly Panel[]): void {
  const drawn = charts(label, panels).replace(/<style>[\s\S]*?<\/style>/, "");
  const svg = new DOMParser().parseFromString(drawn, "image/svg+xml").documentElement;
  into.replaceChildren(document.importNode(svg, true));
}

/** Adds an empty element with a class. */
export function part(into: HTMLElement, name: string): HTMLElement {
  const element = document.createElement("div");
  element.className = name;
  into.append(element);
  return element;
}

/** A custom element that is filled once, when it comes to a page. */
export abstract class Widget extends HTMLElement {
  private filled = false;
  connectedCallback(): void {
    if (this.filled) return;
    this.filled = true;
    this.classList.add("widget");
    this.fill();
  }
  protected abstract fill(): void;
}
