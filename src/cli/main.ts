#!/usr/bin/env node
import { toItsEnd, watchLateErrors } from "./late-errors.ts";
import { pigrad } from "./pigrad.ts";
import { watchStreams } from "./stdout.ts";

watchStreams();
watchLateErrors();
await toItsEnd(() => pigrad(process.argv.slice(2)));
