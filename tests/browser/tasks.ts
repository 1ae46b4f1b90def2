/** How long a page keeps its reader waiting, read from Chromium's trace. */
import type { Browser, Page } from "playwright-core";

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of the processor in which this thread did it: what else the machine runs is not in them. */
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** Returns the milliseconds of the processor that the longest task of a page's own thread took, while `work` went on. */
export async function longestTask(
  browser: Browser,
  page: Page,
  work: () => Promise<void>,
): Promise<number> {
  await browser.startTracing(page, { categories: ["toplevel"] });
  await work();
  const trace = JSON.parse((await browser.stopTracing()).toString());
  const events: TraceEvent[] = trace.traceEvents;
  const thread = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
  const pages = new Set(
    events
      .filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain")
      .map(thread),
  );
  const tasks = events.filter(
    (event) => event.name === "ThreadControllerImpl::RunTask" && pages.has(thread(event)),
  );
  if (tasks.length === 0) throw new Error("expected tasks of the page's thread in the trace");
  return Math.max(...tasks.map(({ tdur }) => (tdur ?? 0) / 1000));
}
