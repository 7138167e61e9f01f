// What wrangler.jsonc makes of a model file.
declare module "*.safetensors" {
  const bytes: ArrayBuffer;
  export default bytes;
}
