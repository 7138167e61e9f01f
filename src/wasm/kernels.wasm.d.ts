// What `import kernels from "elbow-vae/kernels.wasm"` is where the runtime or the bundler passes WebAssembly on as a module.
declare const kernels: WebAssembly.Module;
export default kernels;
