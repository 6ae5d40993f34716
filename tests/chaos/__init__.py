"""One day of real processes: a bot, the daemon, the exchange, and kill -9.

The bot is this process. It sends every signal late, twice and concurrently, alone and in batches, and sends it again
with the same key whenever it gets no answer. A share of the signals goes through the bot's own trade route, and each
answer of that route is compared with the book. The exchange answers with faults or not at all. The daemon is killed
during work and during its start. Trading is halted and resumed. At the end the faults stop, and the day goes on until
no order changes any more. Then it is judged by the exchange's own book::

    python -m tests.chaos --seed 1
    python -m tests.chaos --seed 1 --signals 1000 --symbols 43 --kills 50 --trace

A seed fixes what is sent, which faults may occur, and at which point of progress a process is killed. It does not fix
which of two processes is faster: a seed that failed gives the same day again, not the same instants.
"""
