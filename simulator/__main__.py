"""`python -m simulator --config FILE.yaml`: one simulated Argo CD until SIGTERM."""

import argparse
import asyncio
import signal
import ssl
import sys
from pathlib import Path

from simulator.certificates import self_signed
from simulator.config import Config, ConfigError, load
from simulator.service import Program


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A pretend Argo CD over real Git repositories.")
    parser.add_argument("--config", type=Path, required=True, help="YAML; its keys are in simulator/config.py")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 chooses one")
    parser.add_argument("--admin-port", type=int, default=0, help="0 chooses one; always on 127.0.0.1")
    parser.add_argument("--speed", type=float, help="divides every wait; overrides the configuration")
    parser.add_argument("--tls", action="store_true", help="serve TLS with a self-signed certificate made now")
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    return parser.parse_args()


def _tls(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    if not arguments.tls and not arguments.tls_cert:
        return None
    if arguments.tls_cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.tls_cert, arguments.tls_key)
        return context
    return self_signed(["localhost", "argocd-server", "argocd-server.argocd.svc", "argocd-server.argocd.svc.cluster.local"])[0]


async def _serve(config: Config, arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    program = Program(config, host=arguments.host, port=arguments.port, admin_port=arguments.admin_port, tls=_tls(arguments))
    await program.start()
    print(f"argocd {program.server.url} admin {program.admin_server.url}", flush=True)
    await stop.wait()
    await program.stop()


def main() -> int:
    arguments = _arguments()
    try:
        config = load(arguments.config)
    except (ConfigError, OSError) as error:
        print(f"{arguments.config}: {error}", file=sys.stderr)
        return 2
    config.speed = arguments.speed or config.speed
    try:
        asyncio.run(_serve(config, arguments))
    except OSError as error:
        print(f"Cannot listen: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
