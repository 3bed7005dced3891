"""The control plane: takes commands, decides and appends; answers what is, what was and why.

Read app.py first, then routes/ (one module per resource). Writes go through commands.py, the past through
timemachine.py; everything that can be refused is a problem (problem.py) with a sentence that says what to do.
"""
