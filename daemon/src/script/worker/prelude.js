// What the functions of a module find around them, and how the worker enters them.
//
// `host.run(call, command)` asks for a program and yields its number; `host.wait(milliseconds)` asks for a timer and
// yields its number. Both throw when there are too many, or when the call is over.
(host) => {
  const { parse, stringify } = JSON;
  const { apply } = Reflect;
  const programs = new Map();
  const timers = new Map();

  const ignore = () => {};
  globalThis.console = Object.fromEntries(
    ["log", "info", "warn", "error", "debug", "trace", "group", "groupEnd", "table", "time", "timeEnd"].map((name) => [
      name,
      ignore,
    ]),
  );
  globalThis.setTimeout = (callback, delay, ...list) => {
    const timer = host.wait(Number(delay) || 0);
    timers.set(timer, () => typeof callback === "function" && callback(...list));
    return timer;
  };
  globalThis.clearTimeout = (timer) => {
    if (timers.delete(timer)) host.unwait(timer);
  };

  // Numbers as English writes them; the corpus counts downloads with it.
  const group = (digits) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const units = [["T", 1e12], ["B", 1e9], ["M", 1e6], ["K", 1e3], ["", 1]];
  const shorten = (number, digits) => {
    const [unit, size] = units.find(([, size]) => Math.abs(number) >= size) ?? ["", 1];
    const short = number / size;
    const rounded = Number(digits === undefined ? short.toFixed(Math.abs(short) < 10 ? 1 : 0) : short.toPrecision(digits));
    // 999,999 is a million when it is rounded.
    return Math.abs(rounded) >= 1000 && unit !== "T" ? shorten(rounded * size, digits) : `${rounded}${unit}`;
  };
  const format = (options) => (value) => {
    const number = Number(value);
    if (!Number.isFinite(number)) return String(number);
    if (options?.notation === "compact") return shorten(number, options.maximumSignificantDigits);
    const [whole, fraction] = String(Number(number.toFixed(options?.maximumFractionDigits ?? 3))).split(".");
    return fraction === undefined ? group(whole) : `${group(whole)}.${fraction}`;
  };
  globalThis.Intl = {
    // It is called with and without `new`.
    NumberFormat: function (_locales, options) {
      return { format: format(options) };
    },
  };

  // Shared memory is not counted by the memory limit, and there is nobody to share it with.
  delete globalThis.SharedArrayBuffer;
  delete globalThis.Atomics;

  const execute = (call) => (command) =>
    new Promise((resolve, reject) => {
      programs.set(host.run(call, command), { call, resolve, reject });
    });
  const wellFormed = (_key, value) => (typeof value === "string" ? value.toWellFormed() : value);

  return {
    call(call, callee, holder, texts) {
      const list = texts.map((text) => (typeof text === "string" ? parse(text) : execute(call)));
      return new Promise((resolve) => resolve(apply(callee, holder, list)));
    },
    settle(program, error, stdout, stderr, status) {
      const waiting = programs.get(program);
      programs.delete(program);
      if (typeof error === "string") waiting?.reject(new Error(error));
      else waiting?.resolve({ stdout, stderr, status });
    },
    fire(timer) {
      const callback = timers.get(timer);
      timers.delete(timer);
      callback?.();
    },
    // A call is over: what it waits for will not come.
    forget(call, waits) {
      for (const timer of waits) timers.delete(timer);
      for (const [program, waiting] of programs) {
        if (waiting.call !== call) continue;
        programs.delete(program);
        waiting.reject(new Error("nobody waits for it any more"));
      }
    },
    // JSON, in which half an emoji, which JSON cannot have, is replaced.
    text(value, most) {
      const kept = Array.isArray(value) && value.length > most ? value.slice(0, most) : value;
      const text = stringify(kept) ?? "null";
      return text.includes("\\ud") ? stringify(kept, wellFormed) : text;
    },
  };
};
