#!/usr/bin/env node
import { pigrad } from "./pigrad.ts";
import { watchStreams } from "./stdout.ts";

watchStreams();
await pigrad(process.argv.slice(2));
