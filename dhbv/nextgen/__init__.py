"""Around the BMI component: a run folder for NextGen is made, examined and brought up to date.

What ngen asks for is plain data, JSON and YAML, and written as such; what the component accepts is
said in `bmi.configuration` alone.
"""
