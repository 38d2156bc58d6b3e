"""The shortest use: one agent, one question, a typed answer; with no model at all it still runs."""

import asyncio

from workbench import Agent, Workbench

critic = Agent("critic", "draft: str -> verdict: Literal['good', 'bad'], why: str")


async def main() -> None:
    """Ask once and print."""
    async with Workbench.open() as bench:
        reply = await bench.ask(critic, draft="Tabs are better than spaces.")
        print(reply.verdict, "because", reply.why)


if __name__ == "__main__":
    asyncio.run(main())
