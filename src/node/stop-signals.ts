/** The signals by which a person or a machine stops a command. */
export const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
