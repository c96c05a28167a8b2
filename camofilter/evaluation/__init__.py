"""The yardsticks of the MediaEval Pixel Privacy tasks: protocols, submissions, the jury, reports."""
