"""A day in the life of real processes: a bot, the daemon, the exchange, and kill -9.

The bot is this process. It sends every signal late, twice and at once, alone and in batches, and sends it again, under
the same key, whenever it gets no answer. A share of the signals goes through the bot's own trade route, and each answer
of that route is compared with the book. The exchange answers badly or not at all. The daemon is killed on the way, in
the middle of work and in the middle of starting. Trading is halted and resumed. At the end everybody is left alone
until nothing moves any more, and then the day is judged by the exchange's own book::

    python -m tests.chaos --seed 1
    python -m tests.chaos --seed 1 --signals 1000 --symbols 43 --kills 50 --trace

A seed fixes what is sent, which faults may strike and when, in terms of progress, somebody is killed. It does not fix
which of two processes is quicker: a seed that failed is the same day again, not the same instants.
"""
