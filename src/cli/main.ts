#!/usr/bin/env node
import { watchLateErrors } from "./late-errors.ts";
import { pigrad } from "./pigrad.ts";
import { watchStreams } from "./stdout.ts";

watchStreams();
watchLateErrors();
await pigrad(process.argv.slice(2));
