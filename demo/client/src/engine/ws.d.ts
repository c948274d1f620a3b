/** Of `ws`, what is used; in browsers it is a stub that is no WebSocket. */
declare module "ws" {
  const NodeWebSocket: typeof WebSocket;
  export default NodeWebSocket;
}
